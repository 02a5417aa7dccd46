import { estimateTokens } from '../../src/core/completions/estimate.ts';
import { buildQuestions } from '../questions.ts';

/** What is said, with its tokens. */
export interface Text {
  content: string;
  tokens: number;
}

const count = 1_000;

/** Questions of a line, and answers of a paragraph. */
export function buildTexts(): { questions: Text[]; answers: Text[] } {
  const lines = buildQuestions(count, 7);
  const text = (content: string): Text => ({ content, tokens: estimateTokens(content) });
  return {
    questions: lines.map(text),
    answers: lines.map((_, index) =>
      text([0, 1, 2, 3].map((back) => lines[(index * 7 + back) % count]!).join(' ')),
    ),
  };
}
