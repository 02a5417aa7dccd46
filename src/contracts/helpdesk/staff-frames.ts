import type { DeskChange } from '../../core/desk/desk-feed.ts';
import { presentConversation } from './present-conversation.ts';
import { cursorText } from './socket-cursor.ts';
import {
  answerFrame,
  messageFrame,
  noteFrame,
  ratingFrame,
  receiptFrame,
  removedFrame,
  statusFrame,
  type Frame,
  type Language,
} from './socket-frames.ts';

/** A frame that goes to all of staff: its text is made once for each language that is spoken. */
export interface StaffFrame {
  frame(language: Language): Frame;
  cursor: string;
  text(language: Language): string;
}

const made = new WeakMap<DeskChange, StaffFrame[]>();

/**
 * A change in the contract's words, in an order and number that depend on nothing but the change: a client that has seen some of
 * them is told the others.
 */
export function staffFramesOf(change: DeskChange): StaffFrame[] {
  const known = made.get(change);
  if (known !== undefined) return known;
  const makers = makersOf(change);
  const frames = makers.map((maker, at) =>
    staffFrame(
      maker,
      at === makers.length - 1 ? { after: change.cursor } : { after: change.cursor - 1, seen: at + 1 },
    ),
  );
  made.set(change, frames);
  return frames;
}

function staffFrame(frame: StaffFrame['frame'], position: Parameters<typeof cursorText>[0]): StaffFrame {
  const cursor = cursorText(position);
  const texts: Partial<Record<Language, string>> = {};
  return {
    frame,
    cursor,
    text: (language) => (texts[language] ??= JSON.stringify({ ...frame(language), cursor })),
  };
}

function makersOf(change: DeskChange): StaffFrame['frame'][] {
  const { key, conversation } = change;
  const frames = key === null ? [] : [...aboutChange(change, key)];
  if (conversation === null) return frames;
  const shown: Frame = { type: 'conversation', data: presentConversation(conversation) };
  // One that is new is shown before what is said in it.
  const isChanged = change.type === 'status' || change.type === 'message_removed';
  return isChanged ? [...frames, () => shown] : [() => shown, ...frames];
}

function* aboutChange(change: DeskChange, key: string): Generator<StaffFrame['frame']> {
  const { type, message, data } = change;
  switch (type) {
    case 'asked':
    case 'replied':
      if (message !== null) yield (language) => messageFrame(key, message, language, change.sender);
      return;
    case 'answered':
      // That an answer failed concerns its customer; what came of it for staff is a change of status.
      if (message === null || message.content === '') return;
      yield (language) => answerFrame(key, message, language) ?? messageFrame(key, message, language);
      return;
    case 'status':
      if (statusFrame(key, change, 'en') === undefined) return;
      yield (language) => statusFrame(key, change, language) as Frame;
      return;
    case 'rated':
      yield () => ratingFrame(key, change);
      return;
    case 'noted': {
      const note = noteFrame(key, change);
      if (note !== undefined) yield () => note;
      return;
    }
    case 'receipt':
      // That staff were told of a message, they know.
      if (data?.['by'] === 'staff' && data['receipt'] === 'delivered') return;
      yield () => receiptFrame(key, change);
      return;
    case 'message_removed':
      yield () => removedFrame(key, change);
      return;
    case 'begun':
    case 'renamed':
    case 'removed':
      return;
  }
}
