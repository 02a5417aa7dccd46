import { textOf } from '../../core/completions/messages.ts';
import type { Message, Part } from '../../core/completions/messages.ts';

export type Language = 'en' | 'zh';

/** What a conversation asks, as far as this answerer looks at it. */
export interface Question {
  text: string;
  /** The user's message before, which a short follow-up refers to; empty where there is none. */
  previous: string;
  language: Language;
  /** Whether the message has parts that are not text. */
  attachments: boolean;
}

/** The last user message of a conversation as a question. */
export function questionOf(messages: readonly Message[]): Question {
  const asked = messages.filter((message) => message.role === 'user');
  const last = asked.at(-1);
  const text = textOf(last?.content ?? null).trim();
  const previous = textOf(asked.at(-2)?.content ?? null).trim();
  return {
    text,
    previous,
    language: languageOf(text === '' ? previous : text),
    attachments: Array.isArray(last?.content) && last.content.some((part: Part) => part.type !== 'text'),
  };
}

/** Chinese where a text has at least as many Chinese characters as words in Latin letters. */
export function languageOf(text: string): Language {
  const sample = text.slice(0, 2_000);
  const han = sample.match(/\p{Script=Han}/gu)?.length ?? 0;
  const latin = sample.match(/[\p{Script=Latin}\p{N}_]+/gu)?.length ?? 0;
  return han > 0 && han >= latin ? 'zh' : 'en';
}
