import type { Books } from './books.ts';
import type { Seen, SeenMessage } from './look.ts';
import type { CallBody, SeenCalls } from './look-studio.ts';
import { createMoments } from './moments.ts';
import { answerTo, imagesOf, partsOf, questionText, usageOf } from './questions.ts';
import {
  beginAsking,
  createRecords,
  noteAsked,
  noteOutcome,
  sessionRecord,
  type Asking,
  type Records,
} from './records.ts';
import type { VendorCall } from './vendor.ts';

/** Everything that clients, vendor, doors and database say of a conversation of studio. */
export interface StudioTruth {
  records: Records;
  seen: Seen;
  calls: VendorCall[];
  books: Books;
  /** Made again twice, and whole; with an image. */
  again: Asking;
  /** Its question was removed. */
  orphan: Asking;
  /** Its answer was removed while it was being made. */
  removed: Asking;
  /** Begun three times, and given up. */
  givenUp: Asking;
}

const day = '2026-01-31';
const userId = 8;
const conversation = 3;
const model = 'qwen-vl-max-latest';
const reason = { code: 503, message: '回答因服务重启而中断，请重试' };

/** One conversation, of whose four exchanges two lost a half, and a call for it that was left: all of it in order. */
export function studioTruth(): StudioTruth {
  const records = createRecords();
  records.launches.push(10);
  const ask = (id: number, picture: 'none' | 'within' = 'none') => {
    const asking = beginAsking(records, 'studio', 'mina', 'quickly', conversation, picture);
    noteAsked(records, createMoments(), asking, conversation, id + 1, id);
    return asking;
  };
  sessionRecord(records, 'mina', conversation);
  const [again, orphan, removed, givenUp] = [ask(11, 'within'), ask(13), ask(15), ask(17)];
  records.launches.push(20, 30, 40);
  const end = (asking: Asking, content: string, status: string) =>
    noteOutcome(records, createMoments(), asking, { content, status });
  end(again, answerTo(again.text), 'completed');
  end(orphan, answerTo(orphan.text), 'completed');
  end(givenUp, '', 'interrupted');
  orphan.removed.question.acknowledged = true;
  Object.assign(removed, { stopped: true });
  removed.removed.answer.acknowledged = true;
  const left = questionText('s1', 'slowly');
  records.calls.push({
    id: 's1',
    door: 'studio relay',
    text: left,
    conversationId: conversation,
    left: true,
    acknowledged: true,
  });
  records.watches.push({ name: 'a socket', user: 'mina', once: true, known: [], told: told() });

  const books = booksOf({ again, orphan, removed, givenUp, left });
  const asked = [again, again, again, orphan, removed, givenUp, givenUp, givenUp].map(({ text }) => text);
  const times = [11, 21, 31, 12, 13, 14, 24, 34, 35];
  return {
    records,
    seen: seenOf(books),
    calls: [...asked, left].map((question, index) => ({
      question,
      at: times[index] ?? 0,
      images: imagesOf(question),
      told: '',
      finished: false,
    })),
    books,
    again,
    orphan,
    removed,
    givenUp,
  };
}

const events = [
  ['asked', 11],
  ['answered', 12],
  ['asked', 13],
  ['answered', 14],
  ['message_removed', 13],
  ['asked', 15],
  ['answered', 16],
  ['message_removed', 16],
  ['asked', 17],
  ['answered', 18],
] as const;

/** The socket was away when the removed answer ended. */
function told() {
  return events
    .map(([type, id], at) => ({ cursor: at + 1, key: `${type.replace('message_', '')} ${id}` }))
    .filter(({ key }) => key !== 'answered 16');
}

type Told = Pick<StudioTruth, 'again' | 'orphan' | 'removed' | 'givenUp'> & { left: string };

function booksOf({ again, orphan, removed, givenUp, left }: Told): Books {
  const calls = [
    callOf(1, 22, 12, again.text, 'lost'),
    callOf(2, 32, 12, again.text, 'lost'),
    callOf(3, 33, 12, again.text, 'success'),
    callOf(4, 15, 14, orphan.text, 'success'),
    callOf(5, 15, 16, removed.text, 'cancelled'),
    callOf(6, 25, 18, givenUp.text, 'lost'),
    callOf(7, 35, 18, givenUp.text, 'lost'),
    callOf(8, 45, 18, givenUp.text, 'lost'),
    callOf(9, 46, null, left, 'cancelled'),
  ];
  const [image = ''] = imagesOf(again.text);
  const bytes = Buffer.from(image.slice(image.indexOf(',') + 1), 'base64').length;
  const said = (id: number, asking: Asking) => messageOf(id, 'user', 'sent', asking.text);
  const messages = [
    { ...said(11, again), parts: '[{}]' },
    messageOf(12, 'assistant', 'completed', answerTo(again.text)),
    messageOf(14, 'assistant', 'completed', answerTo(orphan.text)),
    said(15, removed),
    { ...said(17, givenUp), state: 'failed' },
    {
      ...messageOf(18, 'assistant', 'interrupted', ''),
      error_code: 'interrupted',
      error_text: 'The server was stopped.',
    },
  ];
  for (const message of messages) message.exchange_tokens = tokensOf(calls.findLast(isOf(message.id)));
  return {
    users: [{ id: userId, username: 'mina' }],
    conversations: [
      { id: conversation, user_id: userId, channel: 'studio', message_count: 8, removed_messages: 2 },
    ],
    messages,
    media: [{ id: 1, message_id: 11, bytes, url: image }],
    turns: [],
    turn_log: [],
    feed: events.map(([type, id], at) => ({
      cursor: at + 1,
      type,
      conversation_id: conversation,
      message_id: id,
    })),
    ratings: [],
    user_counters: [
      {
        user_id: userId,
        conversations: 1,
        last_conversation_place: 1,
        messages: 6,
        last_message_place: 8,
      },
    ],
    chat_daily: [userId, 0].flatMap((of) => sumsOf(calls).map((sum) => ({ user_id: of, ...sum }))),
    api_calls: calls,
    ...usageOfAll(calls),
  } as unknown as Books;
}

const isOf = (message: number) => (call: { message_id: number | null }) => call.message_id === message;

function tokensOf(call: { prompt_tokens: number; completion_tokens: number } | undefined): number {
  return call === undefined ? 0 : call.prompt_tokens + call.completion_tokens;
}

function messageOf(id: number, role: string, state: string, content: string) {
  return {
    id,
    conversation_id: conversation,
    place: id - 10,
    user_id: userId,
    user_place: id - 10,
    role,
    state,
    content,
    parts: null,
    error_code: null,
    error_text: null,
    question_id: role === 'assistant' ? id - 1 : null,
    exchange_tokens: 0,
  };
}

type Ending = 'lost' | 'success' | 'cancelled';

function callOf(id: number, at: number, message: number | null, question: string, ending: Ending) {
  return {
    id,
    at,
    day,
    contract: 'studio',
    owner: `user:${userId}`,
    user_id: userId,
    api_key_id: null,
    conversation_id: conversation,
    message_id: message,
    model,
    outcome: ending === 'lost' ? 'failure' : ending,
    error_code: { lost: 'interrupted', success: null, cancelled: 'cancelled' }[ending],
    attempts: 1,
    ...usageOf(question),
    cost_nano: id,
    currency: 'CNY',
    duration_ms: 3,
    request_id: message === null ? 's1' : `req_${message}`,
  };
}

type Call = ReturnType<typeof callOf>;
type Summed = 'prompt_tokens' | 'completion_tokens' | 'cost_nano' | 'duration_ms';

function sum(calls: readonly Call[], name: Summed): number {
  return calls.reduce((all, call) => all + call[name], 0);
}

function sumsOf(calls: readonly Call[]) {
  const turns = calls.filter(({ message_id: message }) => message !== null);
  const tokens = sum(turns, 'prompt_tokens') + sum(turns, 'completion_tokens');
  const none = { ratings: 0, satisfied: 0, response_ms: 7 };
  return [{ day, channel: 'studio', model, chats: 1, messages: 7, answers: 2, tokens, errors: 1, ...none }];
}

function usageOfAll(calls: readonly Call[]) {
  const sums = (own: readonly Call[]) => ({
    calls: own.length,
    prompt_tokens: sum(own, 'prompt_tokens'),
    completion_tokens: sum(own, 'completion_tokens'),
    cost_nano: sum(own, 'cost_nano'),
    duration_ms: sum(own, 'duration_ms'),
  });
  const key = { contract: 'studio', owner: `user:${userId}`, user_id: userId, currency: 'CNY' };
  const outcomes = [...Map.groupBy(calls, ({ outcome }) => outcome)];
  return {
    usage_daily: outcomes.map(([outcome, own]) => ({
      ...key,
      day,
      api_key_id: 0,
      model,
      outcome,
      ...sums(own),
    })),
    owner_usage: ['', model].flatMap((of) => [
      { ...key, span: 'day', begins: day, model: of, ...sums(calls) },
      { ...key, span: 'month', begins: day.slice(0, 7), model: of, ...sums(calls) },
    ]),
  };
}

function seenOf({ messages: rows, api_calls: calls, chat_daily: sums }: Books): Seen {
  const messages = rows.map(({ id, role, content, state }) => ({ id, role, content, status: state }));
  const tokens = sums[0]?.tokens ?? 0;
  const shown = calls.toReversed().map((call): CallBody => ({
    id: call.id,
    user_id: call.user_id,
    conversation_id: call.conversation_id,
    message_id: call.message_id,
    model_name: call.model,
    request_tokens: call.prompt_tokens,
    response_tokens: call.completion_tokens,
    request_id: call.request_id,
  }));
  const figures = { conversation_count: 1, message_count: 7, token_count: tokens };
  return {
    user: 'mina',
    sessions: [{ id: conversation, title: 'Tides', messageCount: 6, messages }],
    history: [...messages],
    total: { total_chats: 1, total_messages: 7, total_tokens: tokens, total_errors: 1 },
    again: { chats: 1, messages: 7, days: { total_tokens: tokens, total_errors: 1 } },
    studio: {
      userId,
      conversations: [
        { id: conversation, messages: messages.map(presented), total: messages.length, pending: [] },
      ],
      total: 1,
      calls: { rows: shown, ...totalOf(shown) },
      byModel: [{ model, ...totalOf(shown) }],
      statistics: {
        total_conversations: 1,
        total_messages: 7,
        total_tokens: tokens,
        model_statistics: [figures],
        daily_statistics: [figures],
      },
    },
  };
}

function totalOf(rows: CallBody[]): Omit<SeenCalls, 'rows'> {
  const add = (name: 'request_tokens' | 'response_tokens') => rows.reduce((all, row) => all + row[name], 0);
  return {
    total: rows.length,
    summary: { request_tokens: add('request_tokens'), response_tokens: add('response_tokens') },
  };
}

function presented({ id, role, content, status: state }: SeenMessage) {
  const isUser = role === 'user';
  const isNone = state === 'interrupted';
  return {
    message_id: id,
    conversation_id: conversation,
    user_id: isUser ? userId : 0,
    role,
    content_type: isUser && content.includes('[image]') ? 'mixed' : 'text',
    content: isUser ? partsOf(content) : [{ type: 'text', text: content }],
    status: isNone ? 0 : 1,
    created_at: `${day}T00:00:00.000Z`,
    tokens: 1,
    state,
    ...(isNone && { error: reason }),
  };
}
