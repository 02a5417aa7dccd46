import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { defaultDeskSettings, type DeskSettings } from '../desk/desk-settings.ts';
import { ParleyError } from '../errors.ts';
import type { GuestCaller, StaffCaller } from '../identity/caller.ts';
import { failureOf, type TurnEvent } from './turn.ts';
import { createTurnsBench, mina, question, textOf } from './turns.fixture.ts';

const never = new AbortController().signal;
const page = { skip: 0, limit: 100 };
const reason = 'customer_request';

const agent = (userId: number): StaffCaller => ({ ...mina, userId, loginId: userId, role: 'agent' });

/** A bench with two agents and a guest, who has a conversation in the helpdesk. */
async function createDesk(t: TestContext, settings: Partial<DeskSettings> = {}) {
  const heard: string[] = [];
  const tested = await createTurnsBench(t, {
    settings: () => ({ ...defaultDeskSettings, burstMs: 0, ...settings }),
    onWaiting: (id) => void heard.push(`waiting ${id}`),
    onFree: (id) => void heard.push(`free ${id}`),
  });
  const agents: StaffCaller[] = [];
  for (const username of ['wang', 'li']) {
    const id = await tested.storage.users.create({
      username,
      email: `${username}@example.com`,
      fullName: `Agent ${username}`,
      passwordHash: 'none',
      role: 'agent',
      status: 'active',
      createdAt: 0,
      updatedAt: 0,
    });
    agents.push(agent(id));
  }
  const { key, id } = await tested.conversations.begin(
    { kind: 'anonymous', ip: '192.0.2.9' },
    { contract: 'helpdesk', guestId: 'guest_123', metadata: { source: 'web' } },
  );
  const guest = await tested.conversations.asGuest('192.0.2.9', key);
  assert.ok(guest);
  const [wang, li] = agents as [StaffCaller, StaffCaller];
  return { ...tested, heard, guest, key, id, wang, li };
}

type DeskBench = Awaited<ReturnType<typeof createDesk>>;

const asks = (text: string, changes = {}) =>
  question(text, { contract: 'helpdesk', gathers: true, ...changes });

const transcript = async ({ conversations, guest, id }: DeskBench) =>
  (await conversations.messages(guest, id, page)).map(({ senderType, state, content }) => [
    senderType,
    state,
    content,
  ]);

const events = async ({ storage, id }: Pick<DeskBench, 'storage' | 'id'>) =>
  (await storage.feed.after({ conversationId: id }, 0, 1000)).map(({ type, data }) =>
    type === 'status' ? `${type} ${String(data?.['cause'])} ${String(data?.['status'])}` : type,
  );

function listen({ turns, guest }: Pick<DeskBench, 'turns' | 'guest'>, turnId: number) {
  const seen: TurnEvent[] = [];
  let check = () => {};
  const done = (async () => {
    for await (const group of turns.follow(guest, turnId, 0, never)) {
      seen.push(...group);
      check();
    }
  })();
  done.catch(() => {});
  return {
    seen,
    done,
    has: (length: number) =>
      new Promise<void>((resolve) => {
        check = () => {
          if (textOf(seen).length >= length) resolve();
        };
        check();
      }),
  };
}

describe('a guest', () => {
  it('asks in the one conversation whose key was shown, which the first question names', async (t) => {
    const desk = await createDesk(t);
    const { conversationId, turnId } = await desk.turns.ask(desk.guest, asks('Where is my order?'));
    const speaker = await desk.speakers.next();
    speaker.say('On its way.');
    speaker.finish();
    const answer = await desk.turns.result(desk.guest, turnId, never);
    assert.deepEqual([conversationId, answer.content, answer.userId], [desk.id, 'On its way.', null]);
    const conversation = await desk.conversations.get(desk.guest, desk.id);
    assert.deepEqual([conversation.title, conversation.metadata], ['Where is my order?', { source: 'web' }]);
    const other: GuestCaller = { ...desk.guest, conversationId: desk.id + 1 };
    await assert.rejects(desk.turns.result(other, turnId, never), { code: 'not_found' });
    await assert.rejects(desk.turns.ask(other, asks('Mine?', { place: { kind: 'existing', id: desk.id } })), {
      code: 'not_found',
    });
    await assert.rejects(desk.conversations.get(mina, desk.id), { code: 'not_found' });
    const [call] = await desk.bench.calls();
    assert.deepEqual([call?.owner, call?.userId], [`conversation:${desk.id}`, null]);
  });

  it('finds an answer closed that a crash cut off', async (t) => {
    const desk = await createDesk(t);
    const { turnId } = await desk.turns.ask(desk.guest, asks('Where is my order?'));
    const heard = listen(desk, turnId);
    const speaker = await desk.speakers.next();
    speaker.say('On its ');
    await heard.has(7);
    const next = desk.another();
    await next.recover();
    const answer = await next.result(desk.guest, turnId, never);
    assert.deepEqual([answer.state, answer.content], ['interrupted', 'On its ']);
    await desk.turns.stopAll(desk.id);
  });

  it('rates, and marks answers read', async (t) => {
    const desk = await createDesk(t);
    const { turnId } = await desk.turns.ask(desk.guest, asks('Thanks'));
    (await desk.speakers.next()).say('Welcome');
    await desk.turns.stop(desk.guest, desk.id);
    await desk.conversations.acknowledge(desk.guest, { upTo: turnId, receipt: 'read' });
    assert.equal((await desk.conversations.message(desk.guest, desk.id, turnId)).receipt, 'read');
    const given = await desk.conversations.rate(desk.guest, desk.id, { score: 5 });
    assert.equal(given.score, 5);
  });
});

describe('beginning a conversation', () => {
  it('again under the same key gives the same; ids and data are limited, not looked at', async (t) => {
    const desk = await createDesk(t);
    const anonymous = { kind: 'anonymous', ip: '192.0.2.9' } as const;
    const start = { contract: 'helpdesk', guestId: '<script>\u0000' };
    const idempotency = { key: 'k', fingerprint: 'f' };
    const first = await desk.conversations.begin(anonymous, start, idempotency);
    const again = await desk.conversations.begin(anonymous, start, idempotency);
    assert.equal(again.id, first.id);
    const elsewhere = { ...anonymous, ip: '192.0.2.10' };
    assert.notEqual((await desk.conversations.begin(elsewhere, start, idempotency)).id, first.id);
    const customer = await desk.storage.customers.find(first.customerId);
    assert.equal(customer?.guestId, '<script>\u0000');
    for (const wrong of [
      { guestId: '' },
      { guestId: 'x'.repeat(201) },
      { metadata: { much: 'x'.repeat(9000) } },
    ]) {
      await assert.rejects(desk.conversations.begin(anonymous, { ...start, ...wrong }), {
        code: 'invalid_request',
      });
    }
  });

  it('as a user makes it the user’s, whom alone and staff it opens for', async (t) => {
    const desk = await createDesk(t);
    const { key, userId } = await desk.conversations.begin(mina, { contract: 'helpdesk' });
    assert.equal(userId, mina.userId);
    assert.equal(await desk.conversations.asGuest('192.0.2.9', key), undefined);
    await assert.rejects(desk.conversations.open(desk.guest, key), { code: 'not_found' });
    assert.equal((await desk.conversations.open(desk.wang, key)).userId, mina.userId);
  });
});

describe('a takeover', () => {
  it('in the middle of an answer keeps what was shown; late text reaches nobody', async (t) => {
    const desk = await createDesk(t);
    const { turnId } = await desk.turns.ask(desk.guest, asks('Tell me all'));
    const heard = listen(desk, turnId);
    const waiting = desk.turns.result(desk.guest, turnId, never);
    const speaker = await desk.speakers.next();
    speaker.say('First part. ');
    await heard.has(12);
    speaker.say('Never shown.');
    const taking = desk.handoff.take(desk.wang, desk.id);
    speaker.say('Too late.');
    const taken = await taking;
    assert.deepEqual([taken.status, taken.agentType, taken.assigneeId], ['open', 'human', desk.wang.userId]);
    await heard.done;
    assert.equal(speaker.signal.aborted, true);
    assert.equal(textOf(heard.seen), 'First part. ');
    assert.deepEqual([(await waiting).state, (await waiting).content], ['cancelled', 'First part. ']);
    assert.deepEqual(await transcript(desk), [
      ['user', 'sent', 'Tell me all'],
      ['ai', 'cancelled', 'First part. '],
    ]);
    assert.deepEqual(await events(desk), ['begun', 'asked', 'answered', 'status taken open']);
    const calls = await desk.bench.calls();
    assert.deepEqual(
      calls.map(({ outcome, messageId }) => [outcome, messageId]),
      [['cancelled', turnId]],
    );
    await desk.turns.idle();
  });

  it('ends what waits in line, too, without a call', async (t) => {
    const desk = await createDesk(t);
    const first = await desk.turns.ask(desk.guest, asks('One', { gathers: false }));
    const second = await desk.turns.ask(desk.guest, asks('Two', { gathers: false }));
    await desk.speakers.next();
    await desk.handoff.switchTo(desk.guest, desk.id, 'human', reason);
    for (const { turnId } of [first, second]) {
      const answer = await desk.turns.result(desk.guest, turnId, never);
      assert.equal(failureOf(answer)?.code, 'cancelled');
    }
    assert.equal(desk.speakers.count(), 1);
    assert.deepEqual(await desk.turns.activeIn(desk.id), []);
    assert.deepEqual(desk.heard, [`waiting ${desk.id}`]);
    const { messages } = await desk.conversations.messagesByKey(desk.guest, desk.key, page);
    assert.deepEqual(
      messages.map(({ state, content }) => [state, content]),
      [
        ['sent', 'One'],
        ['sent', 'Two'],
      ],
      'silent answers are not shown, and the questions stay open for a person',
    );
  });

  it('by two agents at once is one’s; the other learns whose', async (t) => {
    const desk = await createDesk(t);
    for (let round = 0; round < 20; round++) {
      await desk.handoff.switchTo(desk.guest, desk.id, 'ai');
      await desk.handoff.switchTo(desk.guest, desk.id, 'human');
      const both = await Promise.allSettled([
        desk.handoff.take(desk.wang, desk.id),
        desk.handoff.take(desk.li, desk.id),
      ]);
      const lost = both.filter((result) => result.status === 'rejected');
      assert.equal(lost.length, 1);
      const error = lost[0]?.reason as ParleyError;
      const { assigneeId } = await desk.conversations.get(desk.guest, desk.id);
      assert.equal(error.code, 'conflict');
      const name = assigneeId === desk.wang.userId ? 'Agent wang' : 'Agent li';
      assert.deepEqual(error.facts, { assignee: { id: assigneeId, name } });
    }
  });

  it('that the store refuses leaves the AI in charge, and its answer cancelled', async (t) => {
    const desk = await createDesk(t);
    const turns = desk.another({ ownership: { change: () => Promise.reject(new Error('no space')) } });
    const { turnId } = await turns.ask(desk.guest, asks('Tell me'));
    const speaker = await desk.speakers.next();
    await assert.rejects(desk.handoffOf(turns).take(desk.wang, desk.id), /no space/u);
    assert.equal(speaker.signal.aborted, true);
    assert.equal((await turns.result(desk.guest, turnId, never)).state, 'cancelled');
    assert.equal((await desk.conversations.get(desk.guest, desk.id)).agentType, 'ai');
    const next = await turns.ask(desk.guest, asks('Still there?'));
    (await desk.speakers.next()).finish();
    assert.equal((await turns.result(desk.guest, next.turnId, never)).state, 'completed');
  });

  it('of another process while this one answers makes the answer harmless', async (t) => {
    const desk = await createDesk(t);
    const { turnId } = await desk.turns.ask(desk.guest, asks('Tell me'));
    const heard = listen(desk, turnId);
    const speaker = await desk.speakers.next();
    speaker.say('Shown. ');
    await heard.has(7);
    const other = desk.another();
    const now = await desk.conversations.get(desk.guest, desk.id);
    const owner = { status: 'open', agentType: 'human', assigneeId: desk.wang.userId } as const;
    await other.changeOwner(now, { ...owner, cause: 'taken', actorId: null, reason: null });
    speaker.say('Late.');
    speaker.finish();
    const answer = await desk.turns.result(desk.guest, turnId, never);
    assert.deepEqual([answer.state, answer.content], ['cancelled', 'Shown. ']);
    await heard.done;
    assert.equal(textOf(heard.seen), 'Shown. ');
    assert.equal((await desk.bench.calls()).length, 1);
  });
});

describe('a question while a person is in charge', () => {
  it('is stored for that person, once, and asks no model', async (t) => {
    const desk = await createDesk(t);
    await desk.handoff.take(desk.wang, desk.id);
    const idempotency = { key: 'k', fingerprint: 'f' };
    const first = await desk.turns.put(desk.guest, asks('Are you there?', { idempotency }));
    const again = await desk.turns.put(desk.guest, asks('Are you there?', { idempotency }));
    assert.equal(first.turnId, null);
    assert.deepEqual(again, { ...first, repeated: true });
    const said = await desk.handoff.reply(desk.wang, desk.id, 'Here I am.', idempotency);
    const saidAgain = await desk.handoff.reply(desk.wang, desk.id, 'Here I am.', idempotency);
    assert.deepEqual(saidAgain, { message: said.message, repeated: true });
    assert.deepEqual(await transcript(desk), [
      ['user', 'sent', 'Are you there?'],
      ['human', 'completed', 'Here I am.'],
    ]);
    assert.equal(said.message.senderId, desk.wang.userId);
    assert.equal(desk.speakers.count(), 0);
    assert.equal((await desk.conversations.get(desk.guest, desk.id)).title, 'Are you there?');
    await assert.rejects(desk.handoff.reply(desk.li, desk.id, 'And I.'), { code: 'conflict' });
    for (const empty of ['', ' \n ', 'x'.repeat(16_001)]) {
      await assert.rejects(desk.handoff.reply(desk.wang, desk.id, empty), { code: 'invalid_request' });
    }
  });

  it('after it was resolved opens it again, with the AI in charge', async (t) => {
    const desk = await createDesk(t);
    await desk.handoff.reply(desk.wang, desk.id, 'Solved.');
    await desk.handoff.setStatus(desk.wang, desk.id, 'resolved');
    assert.deepEqual(desk.heard, [`free ${desk.wang.userId}`]);
    const { turnId } = await desk.turns.ask(desk.guest, asks('One more thing'));
    (await desk.speakers.next()).finish();
    await desk.turns.result(desk.guest, turnId, never);
    const { status, agentType, assigneeId } = await desk.conversations.get(desk.guest, desk.id);
    assert.deepEqual([status, agentType, assigneeId], ['open', 'ai', null]);
    assert.deepEqual((await events(desk)).slice(-3), ['status reopened open', 'asked', 'answered']);
  });

  for (const where of ['this process', 'another process']) {
    it(`is neither lost nor forgotten, whoever is put in charge by ${where} meanwhile`, async (t) => {
      const desk = await createDesk(t);
      const handoff = where === 'this process' ? desk.handoff : desk.handoffOf(desk.another());
      const { settled, changes } = await askAndChange(desk, handoff);
      assert.ok(changes > 20, 'there was a race');
      const rows = await desk.storage.messages.listOf(desk.id, { skip: 0, limit: 2000 });
      const accepted = settled.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
      const ids = rows.flatMap(({ id, role }) => (role === 'user' ? id : []));
      const known = accepted.map(({ questionId }) => questionId);
      assert.deepEqual(ids.toSorted(inOrder), known.toSorted(inOrder), 'stored is what was accepted');
      const byId = new Map(rows.map((row) => [row.id, row]));
      const log = await desk.storage.feed.after({ conversationId: desk.id }, 0, 10_000);
      for (const { questionId, turnId } of accepted) {
        const answer = turnId === null ? undefined : byId.get(turnId);
        if (answer?.state === 'completed') continue;
        const at = log.findIndex(({ messageId, type }) => type === 'asked' && messageId === questionId);
        const isToPerson = ({ type, data }: (typeof log)[number]) =>
          type === 'status' && data?.['agentType'] === 'human';
        const before = log.slice(0, at).findLast(({ type }) => type === 'status');
        const hasPerson = turnId === null && before !== undefined && isToPerson(before);
        assert.ok(hasPerson || log.slice(at).some(isToPerson), `question ${questionId} is forgotten`);
        if (answer !== undefined) assert.equal(answer.state, 'cancelled');
      }
      assert.deepEqual(
        desk.bench.log.lines.filter(({ level }) => level === 'error'),
        [],
      );
    });
  }
});

const inOrder = (a: number, b: number) => a - b;

/** Hundreds of questions, and who is in charge changed between them. */
async function askAndChange(desk: DeskBench, handoff: DeskBench['handoff']) {
  const asking: Promise<{ questionId: number; turnId: number | null }>[] = [];
  const changing: Promise<unknown>[] = [];
  void (async () => {
    for (;;) {
      const speaker = await desk.speakers.next();
      speaker.say('Yes.');
      speaker.finish();
    }
  })();
  for (let round = 0; round < 300; round++) {
    asking.push(desk.turns.put(desk.guest, asks(`Question ${round}`, { gathers: round % 3 !== 0 })));
    if (round % 4 === 1) changing.push(handoff.take(round % 8 === 1 ? desk.wang : desk.li, desk.id));
    if (round % 4 === 3) changing.push(handoff.switchTo(desk.guest, desk.id, 'ai'));
    if (round % 5 === 0) await Promise.allSettled([asking.at(-1), changing.at(-1)]);
    if (round % 7 === 0) await desk.turns.idle();
  }
  const settled = await Promise.allSettled(asking);
  await Promise.allSettled(changing);
  await desk.turns.idle();
  const log = await desk.storage.feed.after({ conversationId: desk.id }, 0, 10_000);
  return { settled, changes: log.filter(({ type }) => type === 'status').length };
}

describe('a burst of questions', () => {
  it('gets one answer to all of it, which breaks off one that has said nothing', async (t) => {
    const desk = await createDesk(t);
    const first = await desk.turns.ask(desk.guest, asks('Hello'));
    const outdated = await desk.speakers.next();
    const second = await desk.turns.ask(desk.guest, asks('my order'));
    const speaker = await desk.speakers.next();
    assert.equal(outdated.signal.aborted, true);
    assert.equal(second.turnId, first.turnId);
    assert.deepEqual(
      speaker.request.messages.map(({ content }) => content),
      ['Hello', 'my order'],
    );
    outdated.say('To the first alone.');
    speaker.say('To both.');
    speaker.finish();
    const answer = await desk.turns.result(desk.guest, first.turnId, never);
    assert.deepEqual([answer.content, answer.questionId], ['To both.', second.questionId]);
    assert.deepEqual(await transcript(desk), [
      ['user', 'sent', 'Hello'],
      ['user', 'sent', 'my order'],
      ['ai', 'completed', 'To both.'],
    ]);
    const outcomes = (await desk.bench.calls()).map(({ outcome, messageId }) => [outcome, messageId]);
    assert.deepEqual(
      outcomes.toSorted(([one], [other]) => String(one).localeCompare(String(other))),
      [
        ['cancelled', first.turnId],
        ['success', first.turnId],
      ],
    );
  });

  it('that comes while an answer speaks gathers in the next', async (t) => {
    const desk = await createDesk(t);
    const first = await desk.turns.ask(desk.guest, asks('One'));
    const heard = listen(desk, first.turnId);
    const speaker = await desk.speakers.next();
    speaker.say('1');
    await heard.has(1);
    const second = await desk.turns.ask(desk.guest, asks('Two'));
    const third = await desk.turns.ask(desk.guest, asks('Three'));
    assert.notEqual(second.turnId, first.turnId);
    assert.equal(third.turnId, second.turnId);
    speaker.finish();
    const next = await desk.speakers.next();
    assert.deepEqual(
      next.request.messages.map(({ content }) => content),
      ['One', '1', 'Two', 'Three'],
    );
    next.finish();
    await desk.turns.idle();
  });

  it('breaks an answer off three times at most', async (t) => {
    const desk = await createDesk(t);
    const turnIds = new Set<number>();
    for (let count = 0; count < 5; count++) {
      turnIds.add((await desk.turns.ask(desk.guest, asks(`Part ${count}`))).turnId);
      if (count < 4) await desk.speakers.next();
    }
    assert.equal(turnIds.size, 2);
    await desk.turns.stop(desk.guest, desk.id);
    await desk.turns.idle();
  });

  it('waits for a pause, and longer for who is typing', async (t) => {
    const desk = await createDesk(t, { burstMs: 300 });
    const { runtime } = desk.bench;
    const began = runtime.elapsed();
    const sleeps: { ms: number; wake: () => void }[] = [];
    const asleep = () =>
      new Promise<(typeof sleeps)[number]>((resolve) => {
        const look = () => {
          const sleep = sleeps.shift();
          if (sleep === undefined) setImmediate(look);
          else resolve(sleep);
        };
        look();
      });
    const turns = desk.another({
      runtime: {
        ...runtime,
        now: runtime.now,
        elapsed: () => runtime.time,
        sleep: (ms) => new Promise((resolve) => sleeps.push({ ms, wake: resolve })),
      },
    });
    await turns.ask(desk.guest, asks('One'));
    const first = await asleep();
    assert.equal(first.ms, 300);
    runtime.time += 200;
    await turns.ask(desk.guest, asks('Two'));
    runtime.time += 100;
    first.wake();
    const second = await asleep();
    assert.equal(second.ms, 200, 'since the second');
    turns.hold(desk.id);
    runtime.time += 200;
    second.wake();
    const third = await asleep();
    assert.equal(third.ms, 2_800, 'three seconds from the signal');
    assert.equal(desk.speakers.count(), 0);
    runtime.time += 2_800;
    third.wake();
    (await desk.speakers.next()).finish();
    await turns.idle();
    assert.equal(runtime.elapsed() - began, 3_300);
  });
});

describe('the AI hands over by itself', () => {
  it('where the guest asks for a person: at once, without an answer', async (t) => {
    const desk = await createDesk(t);
    const { turnId } = await desk.turns.put(desk.guest, asks('转人工'));
    assert.equal(turnId, null);
    assert.equal((await desk.conversations.get(desk.guest, desk.id)).status, 'pending');
    const [, status, asked] = await desk.storage.feed.after({ conversationId: desk.id }, 0, 10);
    assert.deepEqual(
      [status?.type, status?.data?.['cause'], status?.data?.['reason'], asked?.type],
      ['status', 'handed_off', 'asked_for_a_person', 'asked'],
    );
    assert.deepEqual([desk.speakers.count(), desk.heard], [0, [`waiting ${desk.id}`]]);
  });

  it('where it does not know, after saying so', async (t) => {
    const desk = await createDesk(t);
    const { turnId } = await desk.turns.ask(desk.guest, asks('What is my balance?'));
    const speaker = await desk.speakers.next();
    speaker.say('I’m sorry, I don’t know.');
    speaker.finish();
    const answer = await desk.turns.result(desk.guest, turnId, never);
    assert.equal(answer.state, 'completed');
    assert.equal((await desk.conversations.get(desk.guest, desk.id)).status, 'pending');
    assert.deepEqual(await events(desk), ['begun', 'asked', 'answered', 'status handed_off pending']);
    await desk.turns.idle();
  });

  it('where the provider fails; who waits for the answer still hears of the failure', async (t) => {
    const desk = await createDesk(t);
    const { turnId } = await desk.turns.ask(desk.guest, asks('What is my balance?'));
    (await desk.speakers.next()).fail(new ParleyError('provider_failed', 'It broke.'));
    const answer = await desk.turns.result(desk.guest, turnId, never);
    assert.equal(failureOf(answer)?.code, 'provider_failed');
    const { status, agentType } = await desk.conversations.get(desk.guest, desk.id);
    assert.deepEqual([status, agentType], ['pending', 'human']);
    assert.equal((await desk.bench.calls()).length, 1);
  });

  it('also where the store refuses at first to do both at once', async (t) => {
    const desk = await createDesk(t);
    const { ownership } = desk.storage;
    let refusals = 1;
    const turns = desk.another({
      ownership: {
        change: (...what) =>
          refusals-- > 0 ? Promise.reject(new Error('the disk is slow')) : ownership.change(...what),
      },
    });
    const { turnId } = await turns.ask(desk.guest, asks('What is my balance?'));
    const speaker = await desk.speakers.next();
    speaker.say('I do not know.');
    speaker.finish();
    assert.equal((await turns.result(desk.guest, turnId, never)).state, 'completed');
    await turns.alone(desk.id, () => Promise.resolve());
    assert.equal((await desk.conversations.get(desk.guest, desk.id)).status, 'pending');
    assert.equal((await desk.bench.calls()).length, 1);
  });

  it('where a crash cut it off, in the unit that closes its answers: the customer waits since the question', async (t) => {
    const desk = await createDesk(t);
    const asked = desk.bench.runtime.now();
    await desk.turns.ask(desk.guest, asks('Where is my order?'));
    await desk.speakers.next();
    await desk.turns.ask(desk.guest, asks('And my bill?', { gathers: false }));
    desk.bench.runtime.time += 5_000;
    const next = desk.another();
    await next.recover();
    const { status, agentType, waitingSince } = await desk.conversations.get(desk.guest, desk.id);
    assert.deepEqual([status, agentType, waitingSince], ['pending', 'human', asked]);
    const told = await events(desk);
    assert.deepEqual(told.slice(-3), ['answered', 'answered', 'status handed_off pending']);
    const questions = (await transcript(desk)).filter(([sender]) => sender === 'user');
    assert.deepEqual(
      questions.map(([, state]) => state),
      ['sent', 'sent'],
    );
    assert.equal((await next.put(desk.guest, asks('Hello?'))).turnId, null);
    await desk.turns.stopAll(desk.id);
  });

  it('where the process ends in the middle of it', async (t) => {
    const desk = await createDesk(t);
    const { turnId } = await desk.turns.ask(desk.guest, asks('Where is my order?'));
    (await desk.speakers.next()).say('It ');
    desk.turns.drain();
    desk.turns.interruptAll();
    await desk.turns.idle();
    assert.equal((await desk.turns.result(desk.guest, turnId, never)).state, 'interrupted');
    assert.equal((await desk.conversations.get(desk.guest, desk.id)).status, 'pending');
  });

  it('not where it is switched off, nor in another contract’s conversations', async (t) => {
    const off = { onRequest: false, onUnknown: false, onFailure: false };
    const desk = await createDesk(t, { handoff: off });
    const { turnId } = await desk.turns.ask(desk.guest, asks('转人工'));
    const speaker = await desk.speakers.next();
    speaker.say('I don’t know.');
    speaker.finish();
    await desk.turns.result(desk.guest, turnId, never);
    assert.equal((await desk.conversations.get(desk.guest, desk.id)).status, 'open');
    const on = await createTurnsBench(t);
    const asked = await on.turns.ask(mina, question('talk to a human'));
    (await on.speakers.next()).fail(new ParleyError('provider_failed', 'It broke.'));
    await on.turns.result(mina, asked.turnId, never);
    assert.equal((await on.conversations.get(mina, asked.conversationId)).status, 'open');
  });
});

describe('staff', () => {
  it('assign, release and close, each act once and in the audit log', async (t) => {
    const desk = await createDesk(t);
    const { handoff, wang, li, id } = desk;
    const admin: StaffCaller = { ...wang, role: 'admin' };
    await assert.rejects(handoff.assign(admin, id, 999), { code: 'invalid_request', field: 'assignee_id' });
    const idempotency = { key: 'k', fingerprint: 'f' };
    await handoff.assign(admin, id, li.userId, idempotency);
    await handoff.assign(admin, id, li.userId, idempotency);
    const released = await handoff.assign(admin, id, null);
    assert.deepEqual([released.status, released.assigneeId], ['pending', null]);
    await handoff.setStatus(admin, id, 'closed');
    const opened = await handoff.setStatus(admin, id, 'open');
    assert.deepEqual([opened.status, opened.assigneeId], ['open', admin.userId]);
    await handoff.releaseAll(admin.userId);
    assert.equal((await desk.conversations.get(desk.guest, id)).status, 'pending');
    await handoff.switchTo(admin, id, 'ai');
    const nothing = { key: 'n', fingerprint: 'f' };
    await handoff.switchTo(desk.guest, id, 'ai', null, nothing);
    await handoff.reply(admin, id, 'I am here.');
    const still = await handoff.switchTo(desk.guest, id, 'ai', null, nothing);
    assert.equal(still.assigneeId, admin.userId, 'a repeat of what changed nothing changes nothing');
    const { entries } = await desk.storage.auditLog.list({}, page);
    assert.deepEqual(
      entries.toReversed().map(({ action, targetId }) => [action, targetId]),
      [
        ['conversation.assign', String(id)],
        ['conversation.assign', String(id)],
        ['conversation.status', String(id)],
        ['conversation.status', String(id)],
        ['conversation.switch', String(id)],
        ['conversation.take', String(id)],
      ],
    );
    assert.deepEqual(desk.heard, [
      `free ${li.userId}`,
      `waiting ${id}`,
      `free ${admin.userId}`,
      `waiting ${id}`,
    ]);
    await assert.rejects(handoff.switchTo(mina, id, 'human'), { code: 'not_found' });
  });

  it('who are none any more are given nothing, and what was left with them waits again', async (t) => {
    const { handoff, id, wang, li, storage, heard, conversations, guest } = await createDesk(t);
    await handoff.take(wang, id);
    await handoff.releaseStranded();
    assert.equal((await conversations.get(guest, id)).assigneeId, wang.userId);
    // As the command line does it, or a process that was killed before it came to the conversations.
    await storage.users.change({ id: wang.userId, status: 'disabled', at: 1 });
    await assert.rejects(handoff.assign(li, id, wang.userId), { code: 'invalid_request' });
    await handoff.releaseStranded();
    const { status, agentType, assigneeId } = await conversations.get(guest, id);
    assert.deepEqual([status, agentType, assigneeId], ['pending', 'human', null]);
    assert.ok(heard.includes(`waiting ${id}`));
    await assert.rejects(handoff.take(wang, id), { code: 'forbidden' });
    await assert.rejects(handoff.reply(wang, id, 'Hello.'), { code: 'forbidden' });
    await assert.rejects(handoff.assign(li, id, wang.userId), { code: 'invalid_request' });
  });
});
