import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { eventually } from '../../../test/support/eventually.ts';
import { defaultDeskSettings } from '../desk/desk-settings.ts';
import type { ParleyError } from '../errors.ts';
import type { UserCaller } from '../identity/caller.ts';
import { isGivenUp, type Question, type TurnEvent } from './turn.ts';
import {
  createNodesBench,
  mina,
  otto,
  question,
  textOf,
  type NodesBench,
  type TestNode,
} from './turns.fixture.ts';

const never = new AbortController().signal;
const within = (id: number) => ({ place: { kind: 'existing', id } }) as const;

/** Follows a turn, and tells what it has seen. */
function listen({ turns }: TestNode, turnId: number, start = 0, caller: UserCaller = mina) {
  const seen: TurnEvent[] = [];
  const done = (async () => {
    for await (const group of turns.follow(caller, turnId, start, never)) {
      assert.ok(group.length > 0, 'no group is empty');
      seen.push(...group);
    }
    return textOf(seen, start);
  })();
  done.catch(() => {});
  const has = (text: string) => eventually(() => (textOf(seen, start).startsWith(text) ? true : undefined));
  return { seen, done, has };
}

async function asked(tested: NodesBench, node: TestNode, text: string, changes: Partial<Question> = {}) {
  const ids = await node.turns.ask(mina, question(text, changes));
  for (;;) {
    const speaker = await tested.speakers.next();
    // One of an earlier question may have been broken off before it was listened to.
    if (!speaker.signal.aborted) return { ...ids, speaker };
  }
}

const calls = async ({ bench }: NodesBench) =>
  (await bench.calls()).toSorted((a, b) => a.id - b.id).map(({ outcome, messageId }) => [outcome, messageId]);

const cut = ({ one, other }: NodesBench) => [one, other].forEach(({ bus }) => bus.cut());

/** A killed node says nothing more; what it was told to say before, it may still try to write. */
const kill = ({ bus }: TestNode) => bus.cut();

describe('the turns of one conversation on several nodes', () => {
  for (const isCut of [false, true]) {
    it(`run one after the other, ${isCut ? 'also where the nodes hear nothing of each other' : 'each as soon as the one before has ended'}`, async (t) => {
      const tested = await createNodesBench(t);
      if (isCut) cut(tested);
      const { one, other, speakers } = tested;
      const first = await asked(tested, one, 'One');
      const place = within(first.conversationId);
      const second = await other.turns.ask(mina, question('Two', place));
      const third = await one.turns.ask(mina, question('Three', place));
      const ids = [first.turnId, second.turnId, third.turnId];
      assert.deepEqual(await one.turns.activeIn(first.conversationId), ids);
      assert.deepEqual(await other.turns.goingOnIn(first.conversationId), ids);
      assert.equal(await other.turns.lastActiveOf(mina), first.conversationId);
      assert.equal(await other.turns.lastActiveOf(otto), undefined);
      assert.equal(speakers.count(), 1);
      first.speaker.say('1');
      first.speaker.finish();
      for (const [said, heard] of [
        ['2', ['One', '1', 'Two']],
        ['3', ['One', '1', 'Two', '2', 'Three']],
      ] as const) {
        const { request, say, finish } = await speakers.next();
        assert.deepEqual(
          request.messages.map(({ content }) => content),
          heard,
        );
        say(said);
        finish();
      }
      for (const node of [one, other]) {
        const answers = await Promise.all(ids.map((id) => node.turns.result(mina, id, never)));
        assert.deepEqual(
          answers.map(({ content }) => content),
          ['1', '2', '3'],
        );
      }
      assert.equal(await other.turns.lastActiveOf(mina), undefined);
    });
  }

  it('never run at once, however they come', async (t) => {
    const tested = await createNodesBench(t);
    const { speakers } = tested;
    const nodes = [tested.one, tested.other, tested.join()] as const;
    const begun = await asked(tested, nodes[0], 'Begin');
    begun.speaker.finish();
    await nodes[0].turns.result(mina, begun.turnId, never);
    let running = 0;
    const speaking = (async () => {
      for (let answer = 0; answer < 18; answer++) {
        const { say, finish, request } = await speakers.next();
        assert.equal(++running, 1);
        assert.equal(request.messages.length, 2 * (answer + 1));
        await new Promise(setImmediate);
        running--;
        say(`${answer}`);
        finish();
      }
    })();
    const place = within(begun.conversationId);
    const ids = await Promise.all(
      Array.from({ length: 18 }, (_, n) =>
        (nodes[n % 3] as TestNode).turns.ask(mina, question(`${n}`, place)),
      ),
    );
    await speaking;
    const answers = await Promise.all(
      ids.map(({ turnId }, n) => (nodes[(n + 1) % 3] as TestNode).turns.result(mina, turnId, never)),
    );
    assert.deepEqual(
      answers.map(({ state }) => state),
      Array(18).fill('completed'),
    );
  });

  it('may wait in a line that is not endless, on whatever nodes', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other } = tested;
    const { conversationId } = await asked(tested, one, 'One');
    const place = within(conversationId);
    for (let n = 0; n < 20; n++) await (n % 2 ? one : other).turns.ask(mina, question('Next', place));
    await assert.rejects(other.turns.ask(mina, question('Last', place)), { code: 'overloaded' });
    assert.equal((await other.turns.stop(mina, conversationId)).length, 21);
    assert.equal(tested.speakers.count(), 1, 'what was stopped in the line asked no model');
    assert.equal((await calls(tested)).length, 1);
  });
});

describe('following a turn of another node', () => {
  it('tells what its maker tells, as soon as it is logged, by way of the bus', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other, storage } = tested;
    const { turnId, speaker } = await asked(tested, one, 'Tell me');
    const early = listen(other, turnId);
    speaker.say('One ');
    await early.has('One ');
    const took: number[] = [];
    let said = 'One ';
    for (let n = 0; n < 30; n++) {
      const at = performance.now();
      speaker.say(`${n} `);
      said += `${n} `;
      while (textOf(early.seen).length < said.length) await new Promise(setImmediate);
      took.push(performance.now() - at);
      assert.ok((await storage.turns.textOf(turnId)).startsWith(textOf(early.seen)));
    }
    const median = took.toSorted((a, b) => a - b)[15] ?? 0;
    t.diagnostic(`from word to word ${median.toFixed(1)} ms`);
    assert.ok(median < 100, `${median} ms`);
    const late = listen(other, turnId);
    const resumed = listen(other, turnId, 4);
    await late.has(said);
    speaker.say('end');
    speaker.finish();
    assert.deepEqual(await Promise.all([early.done, late.done, resumed.done]), [
      `${said}end`,
      `${said}end`,
      `${said}end`.slice(4),
    ]);
    assert.ok(tested.line.crossed.some(({ topic }) => topic === `turn:${turnId}`));
    assert.equal((await other.turns.result(mina, turnId, never)).content, `${said}end`);
    assert.equal(await listen(other, turnId, 3).done, `${said}end`.slice(3));
  });

  it('is for the owner, and not beyond what was said; staff follow what goes on', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other } = tested;
    const { turnId, conversationId, speaker } = await asked(tested, one, 'Mine');
    const first = (start: number, caller = mina, id = turnId) =>
      other.turns.follow(caller, id, start, never).next();
    await assert.rejects(first(0, otto), { code: 'not_found' });
    await assert.rejects(first(0, mina, 999), { code: 'not_found' });
    await assert.rejects(first(1), { code: 'invalid_request' });
    await assert.rejects(other.turns.result(otto, turnId, never), { code: 'not_found' });
    const staff = other.turns.followAsStaff({ ...otto, role: 'agent' }, turnId, 0, never);
    speaker.say('abc');
    assert.equal(textOf((await staff.next()).value as TurnEvent[]), 'abc');
    assert.equal(await other.turns.textOf(turnId), 'abc');
    speaker.finish();
    await one.turns.idle();
    await assert.rejects(other.turns.followAsStaff({ ...otto, role: 'agent' }, turnId, 0, never).next(), {
      code: 'not_found',
    });
    assert.deepEqual(await other.turns.activeIn(conversationId), []);
  });

  it('may end, and its log with it, while somebody who has heard some of it comes back', async (t) => {
    const tested = await createNodesBench(t);
    const { one, storage, join } = tested;
    const { turnId, speaker } = await asked(tested, one, 'Tell me');
    const heard = listen(one, turnId);
    speaker.say('abc');
    await heard.has('abc');
    const late = join({
      rows: {
        ...storage.turns,
        async textOf(id, start) {
          speaker.say('def');
          speaker.finish();
          await one.turns.idle();
          return storage.turns.textOf(id, start);
        },
      },
    });
    assert.equal(await listen(late, turnId, 2).done, 'cdef');
  });

  it('goes on while the bus is cut and when it is joined again, with nothing twice and nothing left out', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other } = tested;
    for (let round = 0; round < 4; round++) {
      const { turnId, speaker } = await asked(tested, one, 'Tell me');
      const listener = listen(other, turnId);
      let said = '';
      for (let n = 0; n < 60; n++) {
        speaker.say(`${n} `);
        said += `${n} `;
        const { bus } = n % 2 ? one : other;
        if (n % 20 === round) bus.cut();
        if (n % 20 === round + 12) bus.rejoin();
        if (n % 5 === 0) await new Promise(setImmediate);
        if (n % 15 === 0) await listener.has(said);
      }
      for (const { bus } of [one, other]) if (bus.state() === 'cut' && round % 2) bus.rejoin();
      speaker.finish();
      assert.equal(await listener.done, said);
      for (const { bus } of [one, other]) if (bus.state() === 'cut') bus.rejoin();
    }
  });

  it('makes good from the store what was lost on the way', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other, storage } = tested;
    const { turnId, speaker } = await asked(tested, one, 'Tell me');
    const listener = listen(other, turnId);
    let said = '';
    const say = (text: string) => {
      speaker.say(text);
      said += text;
    };
    for (let round = 0; round < 10; round++) {
      say('heard ');
      await listener.has(said);
      one.bus.cut();
      say('lost ');
      await eventually(async () => ((await storage.turns.textOf(turnId)) === said ? true : undefined));
      one.bus.rejoin();
    }
    speaker.finish();
    assert.equal(await listener.done, said);
  });

  it('ends with its follower; the maker logs no more than it did before', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other } = tested;
    const { turnId, speaker } = await asked(tested, one, 'Go on');
    const leaving = new AbortController();
    const following = other.turns.follow(mina, turnId, 0, leaving.signal);
    const waiting = other.turns.result(mina, turnId, leaving.signal);
    speaker.say('One');
    await following.next();
    leaving.abort();
    await assert.rejects(following.next(), { name: 'AbortError' });
    await assert.rejects(waiting, { code: 'cancelled' });
    speaker.finish();
    assert.equal((await other.turns.result(mina, turnId, never)).content, 'One');
  });

  it('whose maker dies tells its end: what was said is kept, and nothing that came too late', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other } = tested;
    const { turnId, conversationId, speaker } = await asked(tested, one, 'Tell me');
    const listener = listen(other, turnId);
    const slow = listen(one, turnId);
    const waiting = other.turns.result(mina, turnId, never);
    speaker.say('Once upon ');
    await listener.has('Once upon ');
    kill(one);
    await tested.pass(6, other);
    assert.deepEqual(await other.turns.activeIn(conversationId), [turnId], 'its lease goes on');
    await tested.pass(2, other);
    assert.equal(await listener.done, 'Once upon ');
    assert.deepEqual([(await waiting).state, (await waiting).content], ['interrupted', 'Once upon ']);
    speaker.say('a time');
    assert.equal(await slow.done, 'Once upon ', 'its own followers hear how it has ended');
    await one.turns.idle();
    assert.equal(speaker.signal.aborted, true);
    assert.deepEqual(await calls(tested), [['failure', turnId]]);
  });

  it('that nobody waits for and whose maker dies unsaid goes on with what the next one says', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other, speakers } = tested;
    const background = { contract: 'studio', background: true };
    const { turnId, conversationId } = await asked(tested, one, 'Tell me', background);
    const later = await other.turns.ask(
      mina,
      question('And then?', { ...background, ...within(conversationId) }),
    );
    const listener = listen(other, turnId);
    const slow = listen(one, turnId);
    kill(one);
    await tested.pass(8, other);
    const { say, finish } = await speakers.next();
    await tested.pass(1, one);
    say('Again.');
    finish();
    assert.deepEqual(await Promise.all([listener.done, slow.done]), ['Again.', 'Again.']);
    const next = await speakers.next();
    assert.equal(next.request.messages.length, 3, 'who waited here comes after it');
    next.finish();
    await other.turns.result(mina, later.turnId, never);
    assert.deepEqual(await calls(tested), [
      ['failure', turnId],
      ['success', turnId],
      ['success', later.turnId],
    ]);
  });
});

describe('a stop on another node', () => {
  it('ends the vendor’s work, keeps the text, and leaves one row', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other } = tested;
    const { turnId, conversationId, speaker } = await asked(tested, one, 'Tell me all');
    const waits = await one.turns.ask(mina, question('And then?', within(conversationId)));
    const listener = listen(one, turnId);
    speaker.say('To begin');
    await listener.has('To begin');
    await assert.rejects(other.turns.stop(otto, conversationId), { code: 'not_found' });
    const answers = await other.turns.stop(mina, conversationId);
    assert.deepEqual(
      answers.map(({ id, state, content }) => [id, state, content]),
      [
        [turnId, 'cancelled', 'To begin'],
        [waits.turnId, 'cancelled', ''],
      ],
    );
    assert.equal(speaker.signal.aborted, true);
    assert.equal(await listener.done, 'To begin');
    assert.deepEqual(await calls(tested), [['cancelled', turnId]]);
    assert.deepEqual(await other.turns.stop(mina, conversationId), []);
  });

  it('under a key, repeated anywhere, gives the same and stops nothing newer', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other } = tested;
    const key = { key: 'k', fingerprint: 'f' };
    const { turnId, conversationId } = await asked(tested, one, 'Tell me all');
    const first = await other.turns.stop(mina, conversationId, key);
    const next = await asked(tested, one, 'More', within(conversationId));
    assert.deepEqual(await one.turns.stop(mina, conversationId, key), first);
    assert.deepEqual(
      first.map(({ id }) => id),
      [turnId],
    );
    next.speaker.say('Still here');
    next.speaker.finish();
    assert.equal((await other.turns.result(mina, next.turnId, never)).state, 'completed');
  });

  it('that does not reach the maker ends the turn by force, with what is logged; the maker gives up and books nothing', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other } = tested;
    for (const cutOne of [one, other]) {
      const { turnId, conversationId, speaker } = await asked(tested, one, 'Tell me all');
      const here = listen(one, turnId);
      const there = listen(other, turnId);
      speaker.say('Logged.');
      await Promise.all([here.has('Logged.'), there.has('Logged.')]);
      cutOne.bus.cut();
      const [answer] = await other.turns.stop(mina, conversationId);
      assert.deepEqual([answer?.state, answer?.content, answer?.estimated], ['cancelled', 'Logged.', true]);
      if (cutOne === other) await tested.pass(1, one);
      else speaker.say('Too late.');
      await one.turns.idle();
      assert.equal(speaker.signal.aborted, true);
      assert.deepEqual(await Promise.all([here.done, there.done]), ['Logged.', 'Logged.']);
      assert.deepEqual((await calls(tested)).slice(-1), [['cancelled', turnId]]);
      cutOne.bus.rejoin();
    }
    assert.equal((await calls(tested)).length, 2);
  });

  it('of one question, or for a removal, reaches it wherever it is', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other } = tested;
    const first = await asked(tested, one, 'One');
    const second = await one.turns.ask(mina, question('Two', within(first.conversationId)));
    await other.turns.stopOf(first.conversationId, second.questionId);
    assert.equal((await other.turns.result(mina, second.turnId, never)).state, 'cancelled');
    assert.equal(first.speaker.signal.aborted, false);
    await other.conversations.remove(mina, first.conversationId);
    assert.equal(first.speaker.signal.aborted, true);
    await assert.rejects(one.turns.result(mina, first.turnId, never), { code: 'not_found' });
    assert.deepEqual(await calls(tested), [['cancelled', first.turnId]]);
  });

  it('by force and a removal leave one row for the call', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other } = tested;
    const { turnId, conversationId, speaker } = await asked(tested, one, 'Tell me all');
    other.bus.cut();
    await other.conversations.remove(mina, conversationId);
    speaker.say('Too late');
    speaker.finish();
    await one.turns.idle();
    assert.deepEqual(await calls(tested), [['cancelled', turnId]]);
  });

  for (const how of ['a request', 'force']) {
    it(`by ${how} and the answer’s end meet in any order: one end, one row`, async (t) => {
      const tested = await createNodesBench(t);
      const { one, other } = tested;
      if (how === 'force') other.bus.cut();
      for (let round = 0; round < 25; round++) {
        const { turnId, conversationId, speaker } = await asked(tested, one, 'Tell me');
        const listener = listen(one, turnId);
        speaker.say('All that there is.');
        if (round % 2) await listener.has('All');
        const stopping = other.turns.stop(mina, conversationId);
        for (let turn = 0; turn < round; turn++) await new Promise(setImmediate);
        speaker.finish();
        await stopping;
        const text = await listener.done;
        const answer = await other.turns.result(mina, turnId, never);
        assert.ok(['cancelled', 'completed'].includes(answer.state), answer.state);
        assert.equal(answer.content, text);
        await one.turns.idle();
        assert.equal((await calls(tested)).length, round + 1);
      }
    });
  }
});

/** A bench whose conversation a person may take. */
async function createDesk(t: TestContext) {
  const tested = await createNodesBench(t);
  const facts = { role: 'agent', status: 'active', createdAt: 0, updatedAt: 0 } as const;
  const names = { username: 'wang', email: 'w@example.com', fullName: 'Wang', passwordHash: 'none' };
  const userId = await tested.storage.users.create({ ...names, ...facts });
  const wang = { ...mina, userId, loginId: userId, role: 'agent' } as const;
  const events = async (id: number) =>
    (await tested.storage.feed.after({ conversationId: id }, 0, 1_000)).map(({ type, messageId }) =>
      type === 'answered' ? `${type} ${messageId}` : type,
    );
  return { ...tested, wang, events };
}

describe('a takeover by a person on another node', () => {
  for (const reached of [true, false]) {
    it(`ends the answer with what was shown, before the event of the change, ${reached ? 'by its maker' : 'by force'}`, async (t) => {
      const tested = await createDesk(t);
      const { one, other, events, wang } = tested;
      const { turnId, conversationId, speaker } = await asked(tested, one, 'Tell me all');
      const waits = await one.turns.ask(mina, question('Two', within(conversationId)));
      const here = listen(one, turnId);
      const there = listen(other, turnId);
      speaker.say('Shown. ');
      await Promise.all([here.has('Shown. '), there.has('Shown. ')]);
      if (!reached) other.bus.cut();
      speaker.say('More. ');
      const taken = await other.handoff.take(wang, conversationId);
      speaker.say('Late.');
      assert.equal(taken.agentType, 'human');
      const [mine, theirs] = await Promise.all([here.done, there.done]);
      const answer = await other.turns.result(mina, turnId, never);
      assert.ok(isGivenUp(answer));
      assert.deepEqual([mine, theirs], [answer.content, answer.content]);
      assert.ok('Shown. More. '.startsWith(answer.content));
      assert.ok(isGivenUp(await one.turns.result(mina, waits.turnId, never)));
      const ended = [`answered ${turnId}`, `answered ${waits.turnId}`];
      assert.deepEqual(await events(conversationId), ['asked', 'asked', ...ended, 'status']);
      await tested.pass(1, one);
      await one.turns.idle();
      assert.equal(speaker.signal.aborted, true);
      assert.deepEqual(await calls(tested), [['cancelled', turnId]]);
    });

    it(`and questions and ends on all nodes meet in any order, with the maker ${reached ? 'reached' : 'cut off'}`, async (t) => {
      const tested = await createDesk(t);
      const { one, other, events, wang } = tested;
      if (!reached) other.bus.cut();
      for (let round = 0; round < 15; round++) {
        const { turnId, conversationId, speaker } = await asked(tested, one, 'Tell me all');
        const listener = listen(one, turnId);
        speaker.say('Some.');
        if (round % 3 === 0) await listener.has('Some.');
        const taking = other.handoff.take(wang, conversationId);
        const asking = one.turns.put(mina, question('More', within(conversationId)));
        for (let turn = 0; turn < round * 2; turn++) await new Promise(setImmediate);
        speaker.finish();
        await taking;
        const more = await asking;
        assert.equal(await listener.done, (await other.turns.result(mina, turnId, never)).content);
        if (more.turnId !== null) await other.turns.result(mina, more.turnId, never);
        const log = await events(conversationId);
        const change = log.lastIndexOf('status');
        assert.ok(change > 0);
        assert.equal(
          log.findLastIndex((event) => event.startsWith('answered')) < change,
          true,
          `round ${round}: ${log.join()}`,
        );
        await tested.pass(1, one);
        await one.turns.idle();
        const rows = (await tested.bench.calls()).filter(({ messageId }) => messageId === turnId);
        assert.equal(rows.length, 1);
      }
    });
  }

  it('that is refused leaves the answer cancelled, stored by whoever asked for it', async (t) => {
    const tested = await createDesk(t);
    const { one } = tested;
    const refusing = tested.join({ ownership: { change: () => Promise.reject(new Error('no space')) } });
    const { turnId, conversationId, speaker } = await asked(tested, one, 'Tell me');
    const listener = listen(one, turnId);
    speaker.say('Shown.');
    await listener.has('Shown.');
    await assert.rejects(refusing.handoff.take(tested.wang, conversationId), /no space/u);
    assert.equal(await listener.done, 'Shown.');
    assert.equal((await one.turns.result(mina, turnId, never)).state, 'cancelled');
    assert.equal((await one.conversations.get(mina, conversationId)).agentType, 'ai');
    await one.turns.idle();
    assert.deepEqual(await calls(tested), [['cancelled', turnId]]);
  });

  it('whose node dies before it stores the change leaves the answer to its maker', async (t) => {
    const tested = await createDesk(t);
    const { one } = tested;
    const asking = Promise.withResolvers<void>();
    const dying = tested.join({
      ownership: {
        change() {
          asking.resolve();
          return new Promise(() => {});
        },
      },
    });
    const { turnId, conversationId, speaker } = await asked(tested, one, 'Tell me');
    const listener = listen(one, turnId);
    speaker.say('Shown.');
    await listener.has('Shown.');
    void dying.handoff.take(tested.wang, conversationId);
    await asking.promise;
    kill(dying);
    assert.equal(await listener.done, 'Shown.');
    await one.turns.idle();
    assert.deepEqual(await calls(tested), [['cancelled', turnId]]);
  });
});

describe('questions that come in a burst to several nodes', () => {
  const gathers = { contract: 'helpdesk', gathers: true };
  const settings = () => ({ ...defaultDeskSettings, burstMs: 3_000 });

  async function createBurst(t: TestContext) {
    const tested = await createNodesBench(t, { settings });
    const first = await tested.one.turns.ask(mina, question('One', gathers));
    const ask = (node: TestNode, text: string, changes: Partial<Question> = {}) =>
      node.turns.ask(mina, question(text, { ...gathers, ...within(first.conversationId), ...changes }));
    const texts = async () =>
      (await tested.storage.messages.listOf(first.conversationId, { skip: 0, limit: 100 })).map(
        ({ role, content }) => (role === 'user' ? content : role),
      );
    return { ...tested, first, ask, texts };
  }

  it('get one answer together, made where the first one came', async (t) => {
    const { one, other, first, ask, texts, speakers } = await createBurst(t);
    const joined = await Promise.all([ask(other, 'Two'), ask(one, 'Three'), ask(other, 'Four')]);
    for (const { turnId } of joined) assert.equal(turnId, first.turnId);
    const { request, say, finish } = await speakers.next();
    assert.equal(request.messages.length, 4);
    say('All.');
    finish();
    assert.equal((await other.turns.result(mina, first.turnId, never)).content, 'All.');
    assert.deepEqual((await texts()).toSorted(), ['Four', 'One', 'Three', 'Two', 'assistant']);
    assert.equal(speakers.count(), 1);
    await one.turns.idle();
  });

  it('under a key, once', async (t) => {
    const { one, other, first, ask, texts, speakers } = await createBurst(t);
    const idempotency = { key: 'k', fingerprint: 'f' };
    const asked = await Promise.all([
      ask(other, 'Two', { idempotency }),
      ask(one, 'Two', { idempotency }),
      ask(other, 'Two', { idempotency }),
    ]);
    assert.deepEqual(
      asked.map(({ turnId, questionId }) => [turnId, questionId]),
      Array(3).fill([first.turnId, asked[0].questionId]),
    );
    assert.equal(asked.filter(({ repeated }) => !repeated).length, 1);
    assert.deepEqual(await texts(), ['One', 'Two', 'assistant']);
    (await speakers.next()).finish();
    await one.turns.idle();
  });

  it('get an answer of their own where the first node cannot be reached', async (t) => {
    const { one, other, first, ask, texts, speakers } = await createBurst(t);
    other.bus.cut();
    const second = await ask(other, 'Two');
    assert.notEqual(second.turnId, first.turnId);
    for (const said of ['1', '2']) {
      const { say, finish } = await speakers.next();
      say(said);
      finish();
    }
    assert.equal((await other.turns.result(mina, second.turnId, never)).content, '2');
    assert.deepEqual(await texts(), ['One', 'assistant', 'Two', 'assistant']);
    await one.turns.idle();
  });

  it('are stored once where the first node answers too late', async (t) => {
    for (let round = 0; round < 6; round++) {
      const { one, other, first, ask, texts, speakers } = await createBurst(t);
      const { turns } = one;
      // Its answers are lost, not what it does.
      const lose = round % 2 === 0;
      const asking = ask(other, 'Two', { idempotency: { key: 'k', fingerprint: 'f' } });
      if (lose) one.bus.cut();
      else setTimeout(() => one.bus.cut(), round);
      const second = await asking;
      assert.equal(second.repeated, false);
      one.bus.rejoin();
      const before = await texts();
      assert.equal(before.filter((text) => text === 'Two').length, 1, before.join());
      assert.equal(before.length, second.turnId === first.turnId ? 3 : 4);
      await Promise.all([
        turns.stop(mina, first.conversationId),
        other.turns.stop(mina, first.conversationId),
      ]);
      assert.ok(speakers.count() <= 2);
    }
  });
});

describe('a user’s conversations over several nodes', () => {
  const place = { kind: 'current' } as const;

  it('have one current one, however many questions begin it at once', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other, speakers } = tested;
    for (let round = 0; round < 8; round++) {
      const asked = await Promise.all(
        [one, other, one, other].map(({ turns }, n) => turns.ask(mina, question(`${n}`, { place }))),
      );
      assert.equal(new Set(asked.map(({ conversationId }) => conversationId)).size, 1);
      for (let answer = 0; answer < 4; answer++) (await speakers.next()).finish();
      await Promise.all([one.turns.idle(), other.turns.idle()]);
      tested.bench.runtime.time += 60_001;
    }
    assert.equal(await tested.storage.conversations.countOf(mina.userId), 8);
  });

  it('are as many as the quota allows, however many begin at once', async (t) => {
    const tested = await createNodesBench(t, { conversationsPerUser: 3 });
    const { one, other } = tested;
    const asked = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) => (n % 2 ? one : other).turns.ask(mina, question(`${n}`))),
    );
    const refused = asked.flatMap((each) => (each.status === 'rejected' ? [each.reason as ParleyError] : []));
    assert.deepEqual(
      refused.map(({ code }) => code),
      Array(7).fill('quota_exceeded'),
    );
    assert.equal(await tested.storage.conversations.countOf(mina.userId), 3);
    for (const { turns } of [one, other]) {
      turns.interruptAll();
      await turns.idle();
    }
  });
});
