import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createMoments } from '../kill/moments.ts';
import { beginAsking, noteOffset, noteOutcome, noteSeen, type LoginRecord } from '../kill/records.ts';
import { studioTruth, type StudioTruth } from '../kill/studio-truth.ts';
import { checkHistory, type History, type Restart } from './check-history.ts';

type Told = Omit<StudioTruth, 'seen'> & {
  -readonly [Part in keyof History]: History[Part] extends readonly (infer One)[] ? One[] : History[Part];
} & { log: string[]; login: LoginRecord; restart: { -readonly [Part in keyof Restart]: Restart[Part] } };

/** The conversation of the kill test's truth, as it is told of two nodes one of which was restarted. */
function truth(): Told {
  const { seen, ...told } = studioTruth();
  const login = { user: 'ann', token: '', revoked: { acknowledged: true, asked: true } };
  const restart = {
    node: 'one',
    ended: { code: 0, signal: null },
    asked: [told.again],
    closes: [{ name: 'a socket', code: 1012 }],
  };
  const log = [
    JSON.stringify({ level: 50, time: 150, msg: 'the database cannot be reached' }),
    JSON.stringify({ level: 50, time: 9, err: { code: 'provider_failed' } }),
    JSON.stringify({ level: 40, time: 9 }),
  ];
  const nothing = { total_chats: 0, total_messages: 0, total_tokens: 0, total_errors: 0 };
  return {
    ...told,
    seen: [{ one: seen, two: structuredClone(seen) }],
    service: told.books.chat_daily
      .filter(({ user_id: user }) => user === 0)
      .reduce(
        (sum, row) => ({
          total_chats: sum.total_chats + row.chats,
          total_messages: sum.total_messages + row.messages,
          total_tokens: sum.total_tokens + row.tokens,
          total_errors: sum.total_errors + row.errors,
        }),
        nothing,
      ),
    log,
    logs: new Map([['one', log]]),
    troubles: [{ from: 100, to: 200 }],
    restart,
    restarts: [restart],
    login,
    letIn: [{ node: 'two', login, isLetIn: false }],
  };
}

function at<T>(values: readonly T[], index: number): T {
  const value = values.at(index);
  assert.ok(value !== undefined);
  return value;
}

const shown = ({ seen }: Told) => at(at(seen, 0).one.sessions, 0).messages;
const told = ({ records }: Told) => at(records.watches, 0).told;

const lies: [title: string, tell: (truth: Told) => void, finding: RegExp][] = [
  ['an acknowledged question is lost', (all) => shown(all).splice(0, 2), /t1 was acknowledged, and is lost/u],
  [
    'an acknowledged question is there twice',
    (all) => shown(all).push(...shown(all).slice(0, 2)),
    /t1 is there 2 times/u,
  ],
  [
    'a turn has two answers',
    ({ books }) => books.messages.push({ ...at(books.messages, 1), id: 99 }),
    /question 11 has not its one answer/u,
  ],
  [
    'text that somebody was shown is not in the answer',
    ({ records, again }) => noteSeen(records, createMoments(), again, 0, 'Something that'),
    /t1 showed "Something that", and is completed/u,
  ],
  [
    'two who listen are shown different text',
    ({ records, again }) => {
      noteSeen(records, createMoments(), again, 0, 'To');
      noteSeen(records, createMoments(), again, 0, 'At');
    },
    /t1: showed "To", then "At" there/u,
  ],
  [
    'a piece of an answer is left out',
    ({ records, again }) => noteSeen(records, createMoments(), again, 3, 't1'),
    /t1: text at 3 after 0 characters/u,
  ],
  [
    'a piece of an answer comes twice, or too early',
    ({ records, again }) => noteOffset(records, again, 9, 4),
    /t1: a piece at 4, not at 9/u,
  ],
  [
    'two who wait are told different ends',
    ({ records, again }) =>
      noteOutcome(records, createMoments(), again, { content: '', status: 'cancelled' }),
    /t1: ended as .*, then as/u,
  ],
  ['a socket’s cursor goes back', (all) => (at(told(all), 1).cursor = 0), /answered 12 at 0 after 1/u],
  [
    'a socket is told twice',
    (all) => told(all).push({ ...at(told(all), -1), cursor: 99 }),
    /answered 18 was told twice/u,
  ],
  ['a socket is not told', (all) => told(all).splice(0, 1), /asked 11 was never told/u],
  [
    'a call of the vendor has no row',
    ({ books }) => books.api_calls.splice(2, 1),
    /answer 12 .* has 2 rows for 3 calls/u,
  ],
  [
    'a call of the vendor has two rows',
    ({ books }) => books.api_calls.push({ ...at(books.api_calls, 3), id: 99 }),
    /answer 14 .* has 2 rows for 1 call|another call after/u,
  ],
  [
    'a frozen node puts down a call that another had put down for it',
    ({ books }) => books.api_calls.splice(1, 0, { ...at(books.api_calls, 0), id: 98 }),
    /answer 12 .* lost a call twice, in the lives/u,
  ],
  [
    'a daily figure is not the sum of its calls',
    ({ books }) => at(books.usage_daily, 0).prompt_tokens++,
    /usage_daily should not hold/u,
  ],
  [
    'the service is shown another figure',
    ({ service }) => service.total_messages++,
    /the service is shown \d+ messages, not/u,
  ],
  [
    'a stopped answer goes on',
    ({ records, again }) => {
      at(records.askings, 0).answerId = 12;
      records.stops.push({ id: again.id, told: 3 });
    },
    /t1 says \d+ characters, and was stopped at 3/u,
  ],
  [
    'a stopped answer is lost',
    ({ records }) => {
      const { id } = beginAsking(records, 'assistant', 'mina', 'quickly');
      records.stops.push({ id, told: 3 });
    },
    /t5 was stopped, and has no answer/u,
  ],
  [
    'a repeat is made twice',
    ({ calls, orphan }) => calls.push({ ...at(calls, 3), question: orphan.text }),
    /the vendor was asked 2 times|in 1 lives/u,
  ],
  [
    'the nodes show different messages',
    ({ seen }) => at(at(seen, 0).two.sessions, 0).messages.pop(),
    /mina: one node shows the sessions .*, the other/u,
  ],
  [
    'one who logged out is let in',
    ({ letIn }) => (at(letIn, 0).isLetIn = true),
    /ann is let in at node two/u,
  ],
  [
    'one who is logged in is not let in',
    ({ login }) => (login.revoked.acknowledged = undefined),
    /ann is not let in at node two/u,
  ],
  [
    'a restart cuts off an answer',
    ({ restart, givenUp }) => (restart.asked = [givenUp]),
    /a restart of node one ended t4 as .*interrupted/u,
  ],
  [
    'a restart closes a socket without a word',
    ({ restart }) => (restart.closes = [{ name: 'a socket', code: 1006 }]),
    /a restart of node one closed a socket with 1006/u,
  ],
  [
    'a restart leaves sockets at a node that is gone',
    ({ restart }) => (restart.closes = []),
    /restarts closed no socket/u,
  ],
  [
    'a node must be killed to end',
    ({ restart }) => (restart.ended = { code: null, signal: 'SIGKILL' }),
    /node one ended with SIGKILL/u,
  ],
  [
    'a promise is rejected, and nobody knows',
    ({ log }) => log.push('TypeError: undefined is not a function'),
    /node one says TypeError/u,
  ],
  [
    'a node cannot go on',
    ({ log }) => log.push(JSON.stringify({ level: 60, time: 150 })),
    /node one logs .*60/u,
  ],
  [
    'a node complains for no reason',
    ({ log }) => log.push(JSON.stringify({ level: 50, time: 201 })),
    /node one logs .*201/u,
  ],
];

describe('the checker of what happened to several nodes', () => {
  test('finds nothing where nothing is wrong', () => {
    assert.deepEqual(checkHistory(truth()), []);
  });

  for (const [title, lie, finding] of lies) {
    test(`finds that ${title}`, () => {
      const all = truth();
      lie(all);
      const findings = checkHistory(all);
      assert.ok(
        findings.some((text) => finding.test(text)),
        JSON.stringify(findings),
      );
    });
  }
});
