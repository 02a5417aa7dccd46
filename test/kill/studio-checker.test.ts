import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkBooks, checkOrder } from './check-books.ts';
import { checkDoors } from './check-doors.ts';
import { checkShownCalls } from './check-studio.ts';
import { checkShownTotal } from './check-sums.ts';
import { checkWatch } from './check-watches.ts';
import type { SeenStudio } from './look-studio.ts';
import { createMoments } from './moments.ts';
import { imagesOf } from './questions.ts';
import { beginAsking, noteOutcome } from './records.ts';
import { studioTruth, type StudioTruth } from './studio-truth.ts';

function check({ records, seen, calls, books }: StudioTruth): string[] {
  return [
    ...records.faults,
    ...checkDoors(records, seen),
    ...records.watches.flatMap((watch) => checkWatch(records, watch, seen)),
    ...checkBooks(records, calls, books),
    ...checkOrder(seen, books),
    ...checkShownTotal('mina', seen.total, books),
    ...checkShownCalls(seen, studioOf({ seen }), books),
  ];
}

function studioOf({ seen }: Pick<StudioTruth, 'seen'>): SeenStudio {
  assert.ok(seen.studio !== undefined);
  return seen.studio;
}

function at<T>(values: readonly T[], index: number): T {
  const value = values.at(index);
  assert.ok(value !== undefined);
  return value;
}

const session = ({ seen }: StudioTruth) => at(seen.sessions, 0);
const conversationOf = (truth: StudioTruth) => at(studioOf(truth).conversations, 0);

const lies: [title: string, tell: (truth: StudioTruth) => void, finding: RegExp][] = [
  [
    'messages are shown in another order',
    ({ seen }) => at(seen.sessions, 0).messages.reverse(),
    /mina: session 3 shows the messages 18 17 .*, not 11 12/u,
  ],
  ['a reply is lost', ({ books }) => books.messages.pop(), /question 17 has not its one answer/u],
  [
    'an answer is none for no reason',
    ({ books }) => Object.assign(at(books.messages, -1), { error_text: null }),
    /answer 18 is interrupted for no reason/u,
  ],
  [
    'an answer is given up before it was begun three times',
    ({ records }) => {
      const asking = beginAsking(records, 'studio', 'mina', 'quickly', 3);
      records.launches.push(50, 60);
      noteOutcome(records, createMoments(), asking, { content: '', status: 'interrupted' });
    },
    /t5 was asked in life 4, and is given up in life 6/u,
  ],
  [
    'an answer that was stopped is a failure of the provider',
    ({ records }) =>
      noteOutcome(records, createMoments(), beginAsking(records, 'studio', 'mina', 'quickly', 3), {
        failure: 503,
      }),
    /t5 was asked in life 4, and is given up/u,
  ],
  [
    'an answer is made once too often',
    ({ calls, again }) => calls.push(...calls.filter(({ question }) => question === again.text).slice(0, 1)),
    /the vendor was asked 4 times in 3 lives: \[t1\]/u,
  ],
  [
    'an answer is made once more than it may',
    ({ calls, again }) => calls.push({ ...at(calls, 0), question: again.text, at: 41 }),
    /the vendor was asked 4 times in 4 lives: \[t1\]/u,
  ],
  [
    'a call that was cut off is put down twice',
    ({ books }) => Object.assign(at(books.api_calls, 1), { at: 23 }),
    /answer 12 \(completed\) lost a call twice, in the lives 2 2/u,
  ],
  [
    'a call that was cut off is not metered',
    ({ books }) => books.api_calls.splice(1, 1),
    /answer 12 \(completed\) has 2 rows for 3 calls/u,
  ],
  [
    'a call that was cut off is metered twice',
    ({ books }) => books.api_calls.splice(1, 0, { ...at(books.api_calls, 1), id: 20 }),
    /answer 12 \(completed\) has 4 rows for 3 calls/u,
  ],
  [
    'an answer that was there is made again',
    ({ books }) => Object.assign(at(books.api_calls, 0), { outcome: 'success', error_code: null }),
    /answer 12 \(completed\) has another call after 1, a success/u,
  ],
  [
    'a call of a removed answer is not metered',
    ({ books }) => books.api_calls.splice(4, 1),
    /the removed answer 16 has 0 rows for 1 calls/u,
  ],
  [
    'what a lost call cost is in no statistics',
    ({ books }) => books.chat_daily.forEach((sums) => (sums.tokens -= 5)),
    /chat_daily of user 8 in studio with qwen-vl-max-latest: 5 tokens/u,
  ],
  [
    'what was removed is not counted any more',
    ({ books }) => books.chat_daily.forEach((sums) => (sums.messages -= 2)),
    /chat_daily of user 8 in studio: messages is 5, not 6 \(and 1 at most\)/u,
  ],
  [
    'a removed question is there',
    (truth) => session(truth).messages.push({ ...at(session(truth).messages, 0), id: 13 }),
    /t2: the question was removed, and is there/u,
  ],
  [
    'an answer went with its question',
    (truth) => session(truth).messages.splice(2, 1),
    /t2: the answer is lost, and was not removed/u,
  ],
  [
    'a question went with its answer',
    (truth) => session(truth).messages.splice(3, 1),
    /t3: the question is lost, and was not removed/u,
  ],
  [
    'a removal is not counted',
    ({ books }) => at(books.conversations, 0).removed_messages--,
    /conversation 3 counts 8 messages but 1, at the places 1 2 4 5 7 8/u,
  ],
  [
    'a user’s counter counts what was removed',
    ({ books }) => at(books.user_counters, 0).messages++,
    /the counters of user 8 are wrong/u,
  ],
  [
    'a removal was recorded twice',
    ({ books }) => books.feed.push({ ...at(books.feed, 4), cursor: 11 }),
    /"message_removed of message 13" 2 times, not 1/u,
  ],
  [
    'a socket is never told of a removal',
    ({ records }) => at(records.watches, 0).told.splice(4, 1),
    /removed 13 was never told/u,
  ],
  [
    'a socket is told of a removal twice',
    ({ records }) => at(records.watches, 0).told.push({ cursor: 11, key: 'removed 13' }),
    /removed 13 was told twice/u,
  ],
  [
    'an image outlives its message',
    ({ books }) => books.media.push({ ...at(books.media, 0), id: 2, message_id: 13 }),
    /medium 2 is of message 13, which there is not/u,
  ],
  ['an image is lost', ({ books }) => books.media.pop(), /the media of message 11 are not what was sent/u],
  [
    'an image is stored twice',
    ({ books }) => books.media.push({ ...at(books.media, 0), id: 2 }),
    /the media of message 11 are not what was sent/u,
  ],
  [
    'a message has become a text',
    ({ books }) => Object.assign(at(books.messages, 0), { parts: null }),
    /message 11 does not consist of what was sent/u,
  ],
  [
    'the vendor is shown another image',
    ({ calls }) =>
      Object.assign(at(calls, 1), { images: imagesOf('[t9] Tell me quickly about fog.\n[image]') }),
    /the vendor was shown other images: \[t1\]/u,
  ],
  [
    'the history shows another image',
    (truth) =>
      Object.assign(at(at(conversationOf(truth).messages, 0).content, 1), { image_url: { url: 'data:,' } }),
    /question 11 does not consist of what was sent/u,
  ],
  [
    'the history shows half an answer',
    (truth) =>
      Object.assign(at(conversationOf(truth).messages, 1), { content: [{ type: 'text', text: 'To' }] }),
    /conversation 3 is not what assistant shows/u,
  ],
  [
    'a reply is on its way for ever',
    (truth) => conversationOf(truth).pending.push(18),
    /answer 18 is still on its way/u,
  ],
  ['a page counts wrong', (truth) => conversationOf(truth).total++, /conversation 3 counts 7 of 6 messages/u],
  [
    'an answer that was cut off is said to be whole',
    (truth) => Object.assign(at(conversationOf(truth).messages, -1), { status: 1 }),
    /answer 18 has the wrong status/u,
  ],
  [
    'an answer that was cut off does not say why',
    (truth) => delete at(conversationOf(truth).messages, -1).error,
    /answer 18 has no reason/u,
  ],
  [
    'a conversation is not listed',
    (truth) => (studioOf(truth).total = 0),
    /studio lists 3 and says 0, not 3/u,
  ],
  [
    'a call is not in the history of calls',
    (truth) => studioOf(truth).calls.rows.pop(),
    /mina is not shown the call 1 /u,
  ],
  [
    'a call is in the history of calls that nobody made',
    (truth) => studioOf(truth).calls.rows.push({ ...at(studioOf(truth).calls.rows, -1), id: 0 }),
    /mina is shown the call 0 .*, which there is not/u,
  ],
  [
    'the history of calls is out of order',
    (truth) => studioOf(truth).calls.rows.reverse(),
    /the calls are out of order/u,
  ],
  [
    'the history of calls counts wrong',
    (truth) => studioOf(truth).calls.total++,
    /the calls are said to be 10 /u,
  ],
  [
    'the tokens of a model’s calls are wrong',
    (truth) => at(studioOf(truth).byModel, 0).summary.response_tokens++,
    /the calls of qwen-vl-max-latest are said to be 9 /u,
  ],
  [
    'the statistics are not those of the other doors',
    (truth) => studioOf(truth).statistics.total_tokens++,
    /the statistics are 1 7 \d+, not 1 7 \d+/u,
  ],
  [
    'a model’s share of the statistics is wrong',
    (truth) => at(studioOf(truth).statistics.model_statistics, 0).message_count--,
    /the statistics by model are 1 6/u,
  ],
  [
    'a call that its client left is not metered',
    ({ books }) => books.api_calls.pop(),
    /call s1 has 0 rows, acknowledged: true/u,
  ],
  [
    'a relayed call is put down to another conversation',
    ({ books }) => Object.assign(at(books.api_calls, -1), { conversation_id: null }),
    /call s1 is put down to another conversation than 3/u,
  ],
];

describe('the checker of the kill test, of studio', () => {
  test('finds nothing where nothing is wrong', () => {
    assert.deepEqual(check(studioTruth()), []);
  });

  for (const [title, lie, finding] of lies) {
    test(title, () => {
      const told = studioTruth();
      lie(told);
      const findings = check(told);
      assert.ok(
        findings.some((text) => finding.test(text)),
        JSON.stringify(findings),
      );
    });
  }
});
