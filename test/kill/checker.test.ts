import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Books } from './books.ts';
import { checkBooks } from './check-books.ts';
import { checkDoors } from './check-doors.ts';
import { checkShownTotal } from './check-sums.ts';
import { checkWatch } from './check-watches.ts';
import type { Seen, SeenSession } from './look.ts';
import { createMoments } from './moments.ts';
import { answerTo, questionText, usageOf } from './questions.ts';
import {
  beginAsking,
  createRecords,
  noteAsked,
  noteOffset,
  noteOutcome,
  noteSeen,
  sessionRecord,
  type Asking,
  type Records,
} from './records.ts';
import type { VendorCall } from './vendor.ts';

/** Everything that clients, vendor, doors and database say of the same few questions. */
interface Truth {
  records: Records;
  seen: Seen;
  calls: VendorCall[];
  books: Books;
}

const day = '2026-01-31';
const user = { id: 7, username: 'ada' };

/** One session with a whole and a cut-off answer, one removed session, one stateless call: all of it in order. */
function truth(): Truth {
  const records = createRecords();
  records.launches.push(1);
  const whole = beginAsking(records, 'assistant', 'ada', 'quickly');
  const cut = beginAsking(records, 'assistant', 'ada', 'slowly', 1);
  const removed = beginAsking(records, 'assistant', 'ada', 'quickly');
  const half = answerTo(cut.text).slice(0, 40);
  tell(records, whole, 1, 2, 'completed', answerTo(whole.text));
  noteSeen(records, createMoments(), cut, 0, half.slice(0, 30));
  tell(records, cut, 1, 4, 'interrupted', half);
  tell(records, removed, 2, 6, 'completed', answerTo(removed.text));
  const kept = sessionRecord(records, 'ada', 1);
  Object.assign(kept.title, { acknowledged: 'Tides' });
  Object.assign(kept.score, { acknowledged: 5 });
  Object.assign(kept, { renames: 1, ratings: 1 });
  const gone = sessionRecord(records, 'ada', 2);
  gone.removed.acknowledged = true;
  gone.last = messagesOf(removed, 5, 6, 'completed', answerTo(removed.text));
  records.calls.push({
    id: 's1',
    door: 'gateway',
    text: questionText('s1', 'quickly'),
    acknowledged: true,
    conversationId: null,
    left: false,
  });

  const messages = [
    ...messagesOf(whole, 1, 2, 'completed', answerTo(whole.text)),
    ...messagesOf(cut, 3, 4, 'interrupted', half),
  ];
  records.watches.push({
    name: 'a socket',
    user: 'ada',
    once: true,
    known: [1, 2],
    told: [
      { cursor: 3, key: 'asked 3' },
      { cursor: 4, key: 'answered 4' },
    ],
  });
  const session: SeenSession = { id: 1, title: 'Tides', messageCount: 4, messages };
  const books = booksOf(messages, removed.text);
  const tokens = tokensIn(books);
  const total = { total_chats: 2, total_messages: 6, total_tokens: tokens, total_errors: 1 };
  const again = { chats: 2, messages: 6, days: { total_tokens: tokens, total_errors: 1 } };
  const texts = [whole.text, cut.text, removed.text, questionText('s1', 'quickly')];
  return {
    records,
    seen: { user: 'ada', sessions: [session], history: [...messages], total, again },
    calls: texts.map((question) => ({
      question,
      images: [],
      at: 2,
      told: answerTo(question),
      finished: true,
    })),
    books,
  };
}

function tell(
  records: Records,
  asking: Asking,
  session: number,
  id: number,
  status: string,
  content: string,
) {
  noteAsked(records, createMoments(), asking, session, id);
  noteOutcome(records, createMoments(), asking, { content, status });
}

function messagesOf({ text }: Asking, questionId: number, id: number, status: string, content: string) {
  return [
    { id: questionId, role: 'user', content: text, status: 'sent' },
    { id, role: 'assistant', content, status },
  ];
}

function booksOf(shown: Seen['sessions'][number]['messages'], removed: string): Books {
  const messages = shown.map(({ id, role, content, status }, at) => ({
    id,
    conversation_id: 1,
    place: at + 1,
    user_id: user.id,
    user_place: at + 1,
    role,
    state: status,
    error_code: status === 'interrupted' ? 'interrupted' : null,
    error_text: status === 'interrupted' ? 'The server was stopped.' : null,
    content,
    parts: null,
    question_id: role === 'assistant' ? id - 1 : null,
    exchange_tokens: 0,
  }));
  const call = (id: number, message: number | null, question: string, conversation: number | null = 1) => ({
    id,
    at: 5,
    day,
    contract: message === null ? 'gateway' : 'assistant',
    owner: 'user:7',
    user_id: user.id,
    api_key_id: null,
    conversation_id: message === null ? null : conversation,
    message_id: message,
    model: 'm',
    outcome: message === 4 ? 'failure' : 'success',
    error_code: message === 4 ? 'interrupted' : null,
    attempts: 1,
    ...usageOf(question),
    cost_nano: 1,
    currency: 'USD',
    duration_ms: 3,
    request_id: message === null ? 's1' : `req_${id}`,
  });
  const calls = [
    call(1, 2, messages[0]?.content ?? ''),
    call(2, 4, messages[2]?.content ?? ''),
    call(3, 6, removed, 2),
    call(4, null, questionText('s1', 'quickly')),
  ];
  const tokensOf = (message: number | null) =>
    calls.filter((row) => row.message_id === message).reduce((sum, row) => sum + row.total_tokens, 0);
  for (const message of messages) message.exchange_tokens = tokensOf(message.id);
  const none = {
    day,
    channel: 'assistant',
    chats: 0,
    messages: 0,
    answers: 0,
    response_ms: 0,
    tokens: 0,
    errors: 0,
    ratings: 0,
    satisfied: 0,
  };
  const sums = [
    { ...none, model: 'asked', chats: 2, messages: 3 },
    { ...none, model: 'm0', messages: 1, answers: 1, response_ms: 9, tokens: tokensOf(2) },
    { ...none, model: 'm1', messages: 1, errors: 1, tokens: tokensOf(4) },
    { ...none, model: 'm2', messages: 1, answers: 1, tokens: tokensOf(6) },
    { ...none, model: '', ratings: 1, satisfied: 1 },
  ];
  const feed = (cursor: number, type: string, message: number | null, conversation = 1) => ({
    cursor,
    type,
    conversation_id: conversation,
    message_id: message,
  });
  return {
    users: [user],
    conversations: [{ id: 1, user_id: user.id, channel: 'assistant', message_count: 4, removed_messages: 0 }],
    messages,
    media: [],
    turns: [],
    turn_log: [],
    feed: [
      feed(1, 'asked', 1),
      feed(2, 'answered', 2),
      feed(3, 'asked', 3),
      feed(4, 'answered', 4),
      feed(5, 'asked', 5, 2),
      feed(6, 'answered', 6, 2),
      feed(7, 'renamed', null),
      feed(8, 'rated', null),
      feed(9, 'removed', null, 2),
    ],
    ratings: [{ conversation_id: 1, user_id: user.id, channel: 'assistant', score: 5 }],
    user_counters: [
      {
        user_id: user.id,
        conversations: 1,
        last_conversation_place: 2,
        messages: 4,
        last_message_place: 6,
      },
    ],
    chat_daily: [user.id, 0].flatMap((of) => sums.map((sum) => ({ user_id: of, ...sum }))),
    api_calls: calls,
    usage_daily: calls.map(({ message_id: message, ...row }, at) => ({
      ...row,
      api_key_id: 0,
      model: `m${at}`,
      calls: 1,
      message,
    })),
    owner_usage: calls.flatMap((row, at) => ownerUsageOf(row, `m${at}`)).concat(...ownerUsageOfAll(calls)),
  } as unknown as Books;
}

type Counted = Pick<
  Books['owner_usage'][number],
  'owner' | 'currency' | 'prompt_tokens' | 'completion_tokens'
> & {
  cost_nano: number;
};

function ownerUsageOf(counted: Counted, model: string, calls = 1) {
  return [
    { ...counted, span: 'day', begins: day, model, calls },
    { ...counted, span: 'month', begins: day.slice(0, 7), model, calls },
  ];
}

function ownerUsageOfAll(calls: readonly Counted[]) {
  const sum = (name: 'prompt_tokens' | 'completion_tokens' | 'cost_nano') =>
    calls.reduce((all, call) => all + call[name], 0);
  const sums = {
    prompt_tokens: sum('prompt_tokens'),
    completion_tokens: sum('completion_tokens'),
    cost_nano: sum('cost_nano'),
  };
  return ownerUsageOf({ owner: 'user:7', currency: 'USD', ...sums }, '', calls.length);
}

function tokensIn({ chat_daily: sums }: Books): number {
  return sums.filter(({ user_id: of }) => of === user.id).reduce((all, { tokens }) => all + tokens, 0);
}

/** Everything that the checker finds. Each call has a model of its own, so that no sum hides another. */
function check({ records, seen, calls, books }: Truth): string[] {
  const apart = { ...books, api_calls: books.api_calls.map((row, at) => ({ ...row, model: `m${at}` })) };
  return [
    ...records.faults,
    ...checkDoors(records, seen),
    ...records.watches.flatMap((watch) => checkWatch(records, watch, seen)),
    ...checkBooks(records, calls, apart),
    ...checkShownTotal('ada', seen.total, apart),
  ];
}

const first = <T>(values: T[]): T => {
  const [value] = values;
  assert.ok(value !== undefined);
  return value;
};

describe('the checker of the kill test', () => {
  test('finds nothing where nothing is wrong', () => {
    assert.deepEqual(check(truth()), []);
  });

  const lies: [title: string, tell: (truth: Truth) => void, finding: RegExp][] = [
    [
      'an acknowledged exchange is lost',
      ({ seen }) => first(seen.sessions).messages.splice(0, 2),
      /t1 was acknowledged, and is lost/u,
    ],
    [
      'a question is there twice',
      ({ seen }) => first(seen.sessions).messages.push(...first(seen.sessions).messages.slice(0, 2)),
      /t1 is there 2 times/u,
    ],
    [
      'an acknowledged answer has another text',
      ({ seen }) => Object.assign(first(seen.sessions).messages[1] ?? {}, { content: 'To t1' }),
      /t1 was acknowledged as .* and is completed/u,
    ],
    [
      'text that was seen is not in the answer',
      ({ seen }) => Object.assign(first(seen.sessions).messages[3] ?? {}, { content: 'To t2' }),
      /t2 showed/u,
    ],
    [
      'an answer says what the vendor never said',
      ({ seen }) => Object.assign(first(seen.sessions).messages[3] ?? {}, { content: 'Something else' }),
      /t2 is interrupted "Something else", which the vendor never said/u,
    ],
    [
      'an answer is called complete, and is half of it',
      ({ seen }) => Object.assign(first(seen.sessions).messages[3] ?? {}, { status: 'completed' }),
      /t2 is completed .* which is not the whole/u,
    ],
    [
      'an answer never ends',
      ({ seen }) => Object.assign(first(seen.sessions).messages[3] ?? {}, { status: 'streaming' }),
      /t2 is still streaming/u,
    ],
    [
      'a question of nobody',
      ({ seen }) => Object.assign(first(seen.sessions).messages[0] ?? {}, { content: 'Who am I?' }),
      /nobody asked "Who am I\?"/u,
    ],
    ['a session is lost', ({ seen }) => seen.sessions.splice(0), /session 1 is lost/u],
    [
      'a removed session is back',
      ({ seen }) => seen.sessions.push({ ...first(seen.sessions), id: 2, messages: [], messageCount: 0 }),
      /session 2 was removed, and is there/u,
    ],
    [
      'an acknowledged title is lost',
      ({ seen }) => Object.assign(first(seen.sessions), { title: 'Old' }),
      /session 1 is called Old, not Tides/u,
    ],
    [
      'a session counts wrong',
      ({ seen }) => Object.assign(first(seen.sessions), { messageCount: 3 }),
      /session 1 counts 3 messages, and has 4/u,
    ],
    ['the history lacks a message', ({ seen }) => seen.history.splice(0, 1), /the history has 3 messages/u],
    [
      'the figures through the door are wrong',
      ({ records, seen }) => {
        records.sessions.splice(1, 1);
        records.askings.splice(2, 1);
        seen.total.total_messages = 4;
      },
      /total_chats is 2, not 1/u,
    ],
    ['two doors show different figures', ({ seen }) => seen.again.messages++, /figures differ/u],
    [
      'text is shown with a gap',
      ({ records }) => noteSeen(records, createMoments(), first(records.askings), 5, 'x'),
      /t1: text at 5 after 0/u,
    ],
    [
      'a piece is sent twice',
      ({ records }) => noteOffset(records, first(records.askings), 5, 0),
      /t1: a piece at 0, not at 5/u,
    ],
    [
      'text is shown twice, differently',
      ({ records }) => noteSeen(records, createMoments(), records.askings[1] as Asking, 0, 'Xo t2'),
      /t2: showed "To t2", then "Xo t2" there/u,
    ],
    [
      'an answer ends twice, differently',
      ({ records }) => tell(records, first(records.askings), 1, 2, 'interrupted', 'To t1'),
      /t1: ended as .*, then as/u,
    ],
    [
      'a socket is told of a change twice',
      ({ records }) => first(records.watches).told.push({ cursor: 5, key: 'answered 4' }),
      /answered 4 was told twice/u,
    ],
    [
      'a socket is never told of a change',
      ({ records }) => first(records.watches).told.pop(),
      /answered 4 was never told/u,
    ],
    [
      'a cursor goes back',
      ({ records }) => Object.assign(first(records.watches).told[1] ?? {}, { cursor: 2 }),
      /answered 4 at 2 after 3/u,
    ],
    [
      'a turn is left over',
      ({ books }) => books.turns.push({ id: 4, state: 'running' } as Books['turns'][number]),
      /turn 4 is still running/u,
    ],
    [
      'a log is left over',
      ({ books }) => books.turn_log.push({ turn_id: 4 } as Books['turn_log'][number]),
      /the log of turn 4/u,
    ],
    [
      'places have a gap',
      ({ books }) => Object.assign(books.messages[3] ?? {}, { place: 5 }),
      /conversation 1 counts 4 messages, at the places 1 2 3 5/u,
    ],
    [
      'a counter of the user is wrong',
      ({ books }) => first(books.user_counters).messages++,
      /the counters of user 7/u,
    ],
    ['a question has no answer', ({ books }) => books.messages.pop(), /question 3 has not its one answer/u],
    [
      'a change was recorded twice',
      ({ books }) => books.feed.push({ ...first(books.feed), cursor: 10 }),
      /"asked of message 1" 2 times/u,
    ],
    [
      'a rename ran twice',
      ({ books }) => books.feed.push({ ...(books.feed[6] as Books['feed'][number]), cursor: 10 }),
      /"renamed of conversation 1" 2 times, not 1/u,
    ],
    ['a rating is lost', ({ books }) => books.ratings.pop(), /session 1 is rated undefined, not 5/u],
    [
      'a repeat reached the vendor',
      ({ calls }) => calls.push({ ...first(calls) }),
      /the vendor was asked 2 times in 1 lives/u,
    ],
    [
      'a turn is not metered',
      ({ books }) => books.api_calls.splice(1, 1),
      /answer 4 .* has 0 rows for 1 call/u,
    ],
    [
      'a turn is metered twice',
      ({ books }) => books.api_calls.push({ ...first(books.api_calls), id: 9 }),
      /answer 2 .* has 2 rows/u,
    ],
    [
      'a call is not what the vendor counted',
      ({ books }) => {
        first(books.api_calls).prompt_tokens++;
        (books.messages[1] as Books['messages'][number]).exchange_tokens = first(
          books.api_calls,
        ).prompt_tokens;
      },
      /call 1 is not what the vendor counted/u,
    ],
    [
      'a call of a removed session is not metered',
      ({ books }) => books.api_calls.splice(2, 1),
      /removed session 2 has 0 rows for 1 call/u,
    ],
    [
      'an acknowledged completion is not metered',
      ({ books }) => books.api_calls.splice(3, 1),
      /call s1 has 0 rows, acknowledged: true/u,
    ],
    [
      'a completion is metered twice',
      ({ books }) => books.api_calls.push({ ...(books.api_calls[3] as Books['api_calls'][number]), id: 9 }),
      /call s1 has 2 rows/u,
    ],
    ['a call of nobody is metered', ({ records }) => records.calls.pop(), /nobody made the call s1/u],
    [
      'a daily sum of usage is wrong',
      ({ books }) => first(books.usage_daily).calls++,
      /usage_daily should not hold/u,
    ],
    [
      'a sum of an owner is wrong',
      ({ books }) => first(books.owner_usage).completion_tokens++,
      /owner_usage should not hold/u,
    ],
    [
      'an owner’s sum of all models is not there',
      ({ books }) => books.owner_usage.pop(),
      /owner_usage should hold .*"month"/u,
    ],
    [
      'tokens are counted for a model that was only asked for',
      ({ books }) =>
        books.chat_daily.filter(({ model }) => model === 'm1').forEach((row) => (row.model = 'asked')),
      /chat_daily of user 7 in assistant with m1: \d+ tokens/u,
    ],
    [
      'a daily figure of a user is wrong',
      ({ books }) => books.chat_daily.filter(({ model }) => model === 'm0').forEach((row) => row.messages++),
      /chat_daily of user 7 in assistant: messages is 7, not 6/u,
    ],
    [
      'a figure that is shown is not the stored one',
      ({ seen }) => {
        seen.total.total_tokens++;
        seen.again.days.total_tokens++;
      },
      /ada is shown \d+ tokens, not/u,
    ],
    [
      'the service’s figure is not its users’',
      ({ books }) => first(books.chat_daily.filter(({ user_id: of }) => of === 0)).tokens++,
      /the service's tokens/u,
    ],
  ];
  for (const [title, lie, finding] of lies) {
    test(title, () => {
      const told = truth();
      lie(told);
      const findings = check(told);
      assert.ok(
        findings.some((text) => finding.test(text)),
        JSON.stringify(findings),
      );
    });
  }
});
