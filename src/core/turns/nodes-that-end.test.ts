import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '../../../test/support/eventually.ts';
import { StorageError } from '../../storage/storage-error.ts';
import { failureOf, type Question, type TurnEvent } from './turn.ts';
import { createNodesBench, mina, question, textOf, type NodesBench, type TestNode } from './turns.fixture.ts';

const never = new AbortController().signal;
const within = (id: number) => ({ place: { kind: 'existing', id } }) as const;
const background = { contract: 'studio', background: true } as const;

async function asked(tested: NodesBench, node: TestNode, text: string, changes: Partial<Question> = {}) {
  const ids = await node.turns.ask(mina, question(text, changes));
  return { ...ids, speaker: await tested.speakers.next() };
}

async function heard({ turns }: TestNode, turnId: number): Promise<string> {
  const seen: TurnEvent[] = [];
  for await (const group of turns.follow(mina, turnId, 0, never)) seen.push(...group);
  return textOf(seen);
}

const calls = async ({ bench }: NodesBench) =>
  (await bench.calls())
    .toSorted((a, b) => a.id - b.id)
    .map(({ outcome, errorCode, messageId }) => [outcome, errorCode, messageId]);

const unavailable = () => Promise.reject(new StorageError('unavailable', 'The database is away'));

describe('leases', () => {
  it('are kept as long as a node looks after its turns, and taken over within ten seconds where none does', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other, storage } = tested;
    const kept = await asked(tested, one, 'Kept');
    const lost = await asked(tested, other, 'Lost');
    await tested.pass(20, one, other);
    assert.equal((await storage.turns.find(kept.turnId))?.fence, 1);
    assert.equal((await storage.turns.find(lost.turnId))?.fence, 1);
    other.bus.cut();
    const began = tested.bench.runtime.time;
    while ((await storage.turns.find(lost.turnId)) !== undefined) await tested.pass(1, one);
    assert.ok(tested.bench.runtime.time - began < 10_000);
    assert.equal((await one.turns.result(mina, lost.turnId, never)).state, 'interrupted');
    assert.equal((await storage.turns.find(kept.turnId))?.fence, 1);
    await one.turns.stopAll(kept.conversationId);
    // The other was only slow.
    await other.turns.look();
    await other.turns.idle();
    assert.equal(lost.speaker.signal.aborted, true);
    assert.equal((await calls(tested)).length, 2);
  });

  it('that ran out for all are renewed before anybody takes anything over', async (t) => {
    const tested = await createNodesBench(t);
    const { one, storage } = tested;
    let isAway = false;
    const { turns: rows } = storage;
    const late = tested.join({
      rows: {
        ...rows,
        heldBy: (node) => (isAway ? unavailable() : rows.heldBy(node)),
        renew: (...what) => (isAway ? unavailable() : rows.renew(...what)),
      },
    });
    const { turnId, conversationId, speaker } = await asked(tested, one, 'Tell me');
    await tested.pass(2, one, late);
    isAway = true;
    for (let second = 0; second < 10; second++) {
      tested.bench.runtime.time += 1_000;
      await assert.rejects(late.turns.look(), { name: 'StorageError' });
    }
    isAway = false;
    await tested.pass(3, late);
    assert.equal((await storage.turns.find(turnId))?.fence, 1, 'its maker could not renew it either');
    await tested.pass(8, one, late);
    assert.equal((await storage.turns.find(turnId))?.fence, 1);
    speaker.say('Still here.');
    speaker.finish();
    assert.equal((await late.turns.result(mina, turnId, never)).content, 'Still here.');
    assert.deepEqual(await late.turns.activeIn(conversationId), []);
  });

  it('of a node that stood still itself make it take over nothing until the others have had time', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other, storage } = tested;
    const { turnId } = await asked(tested, one, 'Tell me');
    await tested.pass(1, one, other);
    tested.bench.runtime.time += 30_000;
    await other.turns.look();
    assert.equal((await storage.turns.find(turnId))?.fence, 1);
    await tested.pass(4, other);
    assert.equal((await storage.turns.find(turnId))?.fence, 1);
    await one.turns.look();
    await tested.pass(6, one, other);
    assert.equal((await storage.turns.find(turnId))?.fence, 1);
    await one.turns.stop(mina, (await storage.turns.find(turnId))?.conversationId ?? 0);
  });

  it('that end let one of many nodes take each turn', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other, bench, storage } = tested;
    const third = tested.join();
    const begun = [];
    for (let n = 0; n < 12; n++) begun.push(await asked(tested, one, `${n}`, n % 2 ? background : {}));
    one.bus.cut();
    await Promise.all([other.turns.look(), third.turns.look()]);
    for (let second = 0; second < 8; second++) {
      bench.runtime.time += 1_000;
      await Promise.all([other.turns.look(), third.turns.look()]);
    }
    for (let n = 0; n < 6; n++) {
      const { say, finish } = await tested.speakers.next();
      say('Again');
      finish();
    }
    for (const [n, { turnId }] of begun.entries()) {
      const answer = await other.turns.result(mina, turnId, never);
      assert.deepEqual([answer.state, answer.content], n % 2 ? ['completed', 'Again'] : ['interrupted', '']);
    }
    const rows = await calls(tested);
    assert.equal(rows.length, 18);
    assert.equal(rows.filter(([outcome]) => outcome === 'failure').length, 12);
    await one.turns.look();
    await one.turns.idle();
    assert.equal((await calls(tested)).length, 18, 'a slow old node books nothing');
    assert.deepEqual(await storage.turns.heldBy('node-1'), []);
  });

  it('and a slow maker meet in any order: one end, one row, nothing shown that is not kept', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other, bench } = tested;
    for (let round = 0; round < 15; round++) {
      const { turnId, speaker } = await asked(tested, one, 'Tell me');
      const here = heard(one, turnId);
      const there = heard(other, turnId);
      speaker.say('Some');
      await tested.pass(1, other);
      await tested.pass(6, other);
      bench.runtime.time += 1_000;
      const taking = other.turns.look();
      for (let turn = 0; turn < round; turn++) await new Promise(setImmediate);
      speaker.say(' more');
      if (round % 2) speaker.finish();
      await taking;
      await one.turns.look();
      await one.turns.idle();
      const answer = await other.turns.result(mina, turnId, never);
      assert.deepEqual(await Promise.all([here, there]), [answer.content, answer.content]);
      assert.equal((await calls(tested)).length, round + 1);
    }
  });
});

describe('turns of a conversation whose next ones are made elsewhere', () => {
  it('are closed where their maker is gone, and the next one goes on', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other, speakers } = tested;
    const first = await asked(tested, one, 'One');
    const second = await other.turns.ask(mina, question('Two', within(first.conversationId)));
    one.bus.cut();
    await tested.pass(8, other);
    const speaker = await speakers.next();
    speaker.say('2');
    speaker.finish();
    assert.equal((await other.turns.result(mina, first.turnId, never)).state, 'interrupted');
    assert.equal((await other.turns.result(mina, second.turnId, never)).content, '2');
  });

  it('hand over to a person together, in the helpdesk', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other, storage } = tested;
    const desk = { contract: 'helpdesk' };
    const first = await asked(tested, one, 'One', desk);
    const third = tested.join();
    const second = await third.turns.ask(mina, question('Two', { ...desk, ...within(first.conversationId) }));
    const waiting = third.turns.result(mina, second.turnId, never);
    one.bus.cut();
    await tested.pass(8, third, other);
    assert.equal((await waiting).state, 'cancelled');
    assert.equal((await storage.conversations.find(first.conversationId))?.status, 'pending');
    const events = await storage.feed.after({ conversationId: first.conversationId }, 0, 100);
    assert.equal(events.at(-1)?.type, 'status');
    assert.equal(events.filter(({ type }) => type === 'answered').length, 2);
    await third.turns.idle();
    assert.equal((await calls(tested)).length, 1);
  });

  it('that could not be settled when they were taken are settled later', async (t) => {
    const tested = await createNodesBench(t);
    const { one, storage } = tested;
    const { turns: rows } = storage;
    let isBroken = true;
    const clumsy = tested.join({
      rows: { ...rows, textOf: (...what) => (isBroken ? unavailable() : rows.textOf(...what)) },
    });
    const { turnId } = await asked(tested, one, 'Tell me');
    one.bus.cut();
    await tested.pass(6, clumsy);
    tested.bench.runtime.time += 1_000;
    await assert.rejects(clumsy.turns.look(), { name: 'StorageError' });
    isBroken = false;
    await tested.pass(1, clumsy);
    assert.equal((await clumsy.turns.result(mina, turnId, never)).state, 'interrupted');
    assert.equal((await calls(tested)).length, 1);
  });
});

describe('a node that starts', () => {
  it('closes only what nobody keeps', async (t) => {
    const tested = await createNodesBench(t);
    const { one, storage } = tested;
    const { turnId } = await asked(tested, one, 'Tell me');
    const started = tested.join();
    await started.turns.recover();
    assert.equal((await storage.turns.find(turnId))?.fence, 1);
    tested.bench.runtime.time += 7_000;
    await tested.join().turns.recover();
    assert.equal((await started.turns.result(mina, turnId, never)).state, 'interrupted');
  });
});

describe('a node that ends', () => {
  it('leaves to the others what has said nothing, whatever the contract; what speaks may finish', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other, speakers } = tested;
    await tested.pass(1, one, other);
    await tested.line.arrived();
    const speaks = await asked(tested, one, 'Tell me');
    const silent = await asked(tested, one, 'Wait');
    const waits = await one.turns.ask(mina, question('And then?', within(silent.conversationId)));
    const listeners = [speaks, silent, waits].map(({ turnId }) => heard(one, turnId));
    const waiting = one.turns.result(mina, silent.turnId, never);
    speaks.speaker.say('I was ');
    await eventually(async () => ((await one.turns.textOf(speaks.turnId)) === 'I was ' ? true : undefined));
    one.turns.drain();
    silent.speaker.say('too late');
    for (const said of ['Elsewhere.', 'Then.']) {
      const { say, finish } = await speakers.next();
      say(said);
      finish();
    }
    speaks.speaker.say('able to finish.');
    speaks.speaker.finish();
    assert.deepEqual(await Promise.all(listeners), ['I was able to finish.', 'Elsewhere.', 'Then.']);
    assert.equal((await waiting).content, 'Elsewhere.');
    await one.turns.idle();
    assert.equal(silent.speaker.signal.aborted, true);
    const rows = await calls(tested);
    assert.deepEqual(
      rows
        .toSorted((a, b) => Number(a[2]) - Number(b[2]))
        .map(([outcome, , messageId]) => [outcome, messageId]),
      [
        ['success', speaks.turnId],
        ['cancelled', silent.turnId],
        ['success', silent.turnId],
        ['success', waits.turnId],
      ],
    );
  });

  it('in every order with the first word: it is left unsaid, or finished where it is', async (t) => {
    const tested = await createNodesBench(t);
    const { other, speakers } = tested;
    for (let round = 0; round < 12; round++) {
      const ending = tested.join();
      await tested.pass(1, ending, other);
      await tested.line.arrived();
      const { turnId, speaker } = await asked(tested, ending, 'Tell me');
      const listener = heard(ending, turnId);
      speaker.say('Here.');
      for (let turn = 0; turn < round; turn++) await new Promise(setImmediate);
      ending.turns.drain();
      speaker.finish();
      await ending.turns.idle();
      const isLeft = (await tested.storage.messages.find(turnId))?.state !== 'completed';
      if (isLeft) {
        const next = await speakers.next();
        next.say('There.');
        next.finish();
      }
      assert.equal(await listener, isLeft ? 'There.' : 'Here.');
    }
  });

  it('without others lets everything finish, and breaks off what has not', async (t) => {
    const tested = await createNodesBench(t);
    const { one } = tested;
    await tested.pass(1, one);
    const first = await asked(tested, one, 'One');
    const second = await asked(tested, one, 'Two');
    one.turns.drain();
    first.speaker.say('Finished.');
    first.speaker.finish();
    assert.equal((await one.turns.result(mina, first.turnId, never)).content, 'Finished.');
    assert.equal(second.speaker.signal.aborted, false);
    one.turns.interruptAll();
    await one.turns.idle();
    assert.equal(failureOf(await one.turns.result(mina, second.turnId, never))?.code, 'interrupted');
  });

  it('is not asked to take what it has left', async (t) => {
    const tested = await createNodesBench(t);
    const { one, other } = tested;
    await tested.pass(1, one, other);
    await tested.line.arrived();
    const { turnId, conversationId } = await asked(tested, one, 'Tell me', background);
    other.bus.cut();
    one.turns.drain();
    await one.turns.idle();
    await tested.pass(2, one);
    assert.equal((await tested.storage.turns.find(turnId))?.node, '');
    const stopped = await one.turns.stop(mina, conversationId);
    assert.deepEqual(
      stopped.map(({ id, state }) => [id, state]),
      [[turnId, 'cancelled']],
      'a stop is kept also where nobody makes it',
    );
    await tested.pass(1, other);
    assert.equal(tested.speakers.count(), 1);
  });
});

describe('a store that was away', () => {
  it('gets the end later, in full, also while others would take the turn', async (t) => {
    const tested = await createNodesBench(t);
    const { other, storage } = tested;
    let isAway = false;
    const { turns: rows } = storage;
    const cautious = tested.join({
      rows: { ...rows, end: (end) => (isAway ? unavailable() : rows.end(end)) },
    });
    const { turnId, speaker } = await asked(tested, cautious, 'Tell me');
    const waiting = other.turns.result(mina, turnId, never);
    isAway = true;
    speaker.say('All of it.');
    speaker.finish();
    await cautious.turns.idle();
    await tested.pass(9, cautious, other);
    assert.equal((await storage.messages.find(turnId))?.state, 'running');
    isAway = false;
    await tested.pass(1, cautious);
    assert.equal((await waiting).content, 'All of it.');
    await tested.pass(2, cautious, other);
    assert.deepEqual(await calls(tested), [['success', null, turnId]]);
  });

  it('does not take an end of a turn that others have ended meanwhile, nor its call', async (t) => {
    const tested = await createNodesBench(t);
    const { other, storage } = tested;
    let isAway = false;
    const { turns: rows } = storage;
    const slow = tested.join({ rows: { ...rows, end: (end) => (isAway ? unavailable() : rows.end(end)) } });
    const { turnId, speaker } = await asked(tested, slow, 'Tell me');
    isAway = true;
    speaker.say('All of it.');
    speaker.finish();
    await slow.turns.idle();
    await tested.pass(8, other);
    assert.equal((await other.turns.result(mina, turnId, never)).state, 'interrupted');
    isAway = false;
    await tested.pass(1, slow);
    await slow.turns.tend();
    assert.equal((await storage.messages.find(turnId))?.state, 'interrupted');
    assert.deepEqual(await calls(tested), [['failure', 'interrupted', turnId]]);
  });
});
