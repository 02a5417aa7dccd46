import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { ModelEntry } from '../completions/catalogue.ts';
import type { ContentPart } from '../completions/messages.ts';
import { defaultDeskSettings } from '../desk/desk-settings.ts';
import { ParleyError } from '../errors.ts';
import type { StaffCaller } from '../identity/caller.ts';
import { failureOf, isLeftToOthers, isMadeAgain, type Question, type TurnEvent } from './turn.ts';
import {
  createTurnsBench,
  mina,
  otto,
  question,
  textOf,
  type AnsweringTurns,
  type TurnsBench,
} from './turns.fixture.ts';

const never = new AbortController().signal;
const page = { skip: 0, limit: 100 };
const pixel = `data:image/png;base64,${'iVBORw0KGgo='.repeat(50)}`;

/** A question whose answer nobody waits for. */
const asks = (text: string, changes: Partial<Question> = {}) =>
  question(text, { contract: 'studio', background: true, ...changes });

const within = (id: number) => ({ place: { kind: 'existing', id } }) as const;

const states = async ({ conversations }: TurnsBench, id: number) =>
  (await conversations.messages(mina, id, page)).map(({ role, state, content }) => [role, state, content]);

/** What the books have, oldest first. */
const booked = async ({ bench }: TurnsBench) =>
  (await bench.calls())
    .toSorted((a, b) => a.id - b.id)
    .map(({ outcome, errorCode, messageId }) => [outcome, errorCode, messageId]);

/** The next process, after a crash of those before it. */
async function restarted(tested: TurnsBench): Promise<AnsweringTurns> {
  const next = tested.another();
  await next.recover();
  next.resume();
  return next;
}

/** Ends a process as an operator does who waits for nothing. */
async function shutDown({ drain, interruptAll, idle }: AnsweringTurns): Promise<void> {
  drain();
  interruptAll();
  await idle();
}

async function answered(tested: TurnsBench, turns: AnsweringTurns, turnId: number, text: string) {
  const speaker = await tested.speakers.next();
  speaker.say(text);
  speaker.finish();
  return turns.result(mina, turnId, never);
}

async function heard(turns: AnsweringTurns, turnId: number): Promise<TurnEvent[]> {
  const seen: TurnEvent[] = [];
  for await (const group of turns.follow(mina, turnId, 0, never)) seen.push(...group);
  return seen;
}

describe('an answer that nobody waits for, cut off by a crash', () => {
  it('before it said a word, is made by the next process: the same question, the same answer, each call in the books', async (t) => {
    const tested = await createTurnsBench(t);
    const ids = await tested.turns.ask(mina, asks('What is a turn?', { temperature: 0.5, maxTokens: 9 }));
    const { request } = await tested.speakers.next();

    const next = await restarted(tested);
    const listening = next.follow(mina, ids.turnId, 0, never);
    const speaker = await tested.speakers.next();
    assert.deepEqual(speaker.request, request);
    assert.deepEqual(await booked(tested), [['failure', 'interrupted', ids.turnId]]);
    speaker.say('An answer.');
    const { value: said = [] } = await listening.next();
    assert.equal(textOf(said as TurnEvent[]), 'An answer.', 'it is heard while it is made');
    speaker.finish();
    const answer = await next.result(mina, ids.turnId, never);
    assert.deepEqual([answer.questionId, answer.state, answer.tokens], [ids.questionId, 'completed', 3]);
    assert.deepEqual(await states(tested, ids.conversationId), [
      ['user', 'sent', 'What is a turn?'],
      ['assistant', 'completed', 'An answer.'],
    ]);
    assert.deepEqual(await booked(tested), [
      ['failure', 'interrupted', ids.turnId],
      ['success', null, ids.turnId],
    ]);
    await next.recover();
    assert.equal((await booked(tested)).length, 2);
    assert.equal(tested.speakers.count(), 2);
  });

  it('after it had said something, is closed with that', async (t) => {
    const tested = await createTurnsBench(t);
    const { conversationId, turnId } = await tested.turns.ask(mina, asks('Tell me'));
    await tested.storage.turns.append(turnId, 0, 'Once upon ');
    const next = await restarted(tested);
    assert.equal((await next.result(mina, turnId, never)).state, 'interrupted');
    assert.deepEqual((await states(tested, conversationId))[1], ['assistant', 'interrupted', 'Once upon ']);
    assert.deepEqual(await next.activeIn(conversationId), []);
  });

  it('is not made where somebody may wait for it who is gone: such a question is to be asked again', async (t) => {
    const tested = await createTurnsBench(t);
    const { turnId } = await tested.turns.ask(mina, asks('Tell me', { background: false }));
    const next = await restarted(tested);
    assert.equal(failureOf(await next.result(mina, turnId, never))?.retryable, false);
  });

  it('with others waiting behind it, is made first, and they in their order', async (t) => {
    const tested = await createTurnsBench(t);
    const first = await tested.turns.ask(mina, asks('One'));
    const place = within(first.conversationId);
    const second = await tested.turns.ask(mina, asks('Two', place));
    const third = await tested.turns.ask(mina, asks('Three', place));
    await tested.speakers.next();

    const next = await restarted(tested);
    assert.deepEqual(await next.activeIn(first.conversationId), [first.turnId, second.turnId, third.turnId]);
    await answered(tested, next, first.turnId, '1');
    await answered(tested, next, second.turnId, '2');
    const { request, say, finish } = await tested.speakers.next();
    assert.deepEqual(
      request.messages.map(({ content }) => content),
      ['One', '1', 'Two', '2', 'Three'],
    );
    say('3');
    finish();
    await next.result(mina, third.turnId, never);
    assert.deepEqual(await booked(tested), [
      ['failure', 'interrupted', first.turnId],
      ['success', null, first.turnId],
      ['success', null, second.turnId],
      ['success', null, third.turnId],
    ]);
  });

  it('is made three times at most, each lost call booked once', async (t) => {
    const tested = await createTurnsBench(t);
    const { conversationId, turnId } = await tested.turns.ask(mina, asks('What kills you?'));
    await tested.speakers.next();
    for (let life = 2; life <= 3; life++) {
      const next = await restarted(tested);
      await tested.speakers.next();
      assert.equal((await booked(tested)).length, life - 1);
      assert.deepEqual(await next.activeIn(conversationId), [turnId]);
    }
    const last = await restarted(tested);
    const answer = await last.result(mina, turnId, never);
    assert.deepEqual([answer.state, failureOf(answer)?.code], ['interrupted', 'interrupted']);
    assert.equal((await states(tested, conversationId))[0]?.[1], 'failed');
    assert.deepEqual(await booked(tested), Array(3).fill(['failure', 'interrupted', turnId]));
    assert.equal(tested.speakers.count(), 3);
  });

  it('costs nothing where it had asked nobody yet', async (t) => {
    const tested = await createTurnsBench(t);
    const { turnId } = await tested.turns.ask(mina, asks('Tell me'));
    await tested.speakers.next();
    // Killed again before it could ask.
    await tested.another().recover();
    const next = await restarted(tested);
    await answered(tested, next, turnId, 'Yes.');
    assert.deepEqual(await booked(tested), [
      ['failure', 'interrupted', turnId],
      ['success', null, turnId],
    ]);
  });

  it('is made only once: what a slow maker says later reaches nobody', async (t) => {
    const tested = await createTurnsBench(t);
    const { conversationId, turnId } = await tested.turns.ask(mina, asks('Tell me'));
    const slow = await tested.speakers.next();
    const left = heard(tested.turns, turnId);
    const next = await restarted(tested);
    const speaker = await tested.speakers.next();
    slow.say('Too late');
    await assert.rejects(left, isMadeAgain);
    await tested.turns.idle();
    assert.equal(slow.signal.aborted, true);
    speaker.say('In time');
    speaker.finish();
    assert.equal((await next.result(mina, turnId, never)).content, 'In time');
    assert.equal((await states(tested, conversationId)).length, 2);
    assert.equal((await booked(tested)).length, 2);
    assert.ok(tested.bench.log.lines.every(({ level }) => level !== 'error'));
  });

  it('is found again under its idempotency key', async (t) => {
    const tested = await createTurnsBench(t);
    const asked = asks('Tell me', { idempotency: { key: 'k', fingerprint: 'f' } });
    const first = await tested.turns.ask(mina, asked);
    await tested.speakers.next();
    const next = await restarted(tested);
    assert.deepEqual(await next.ask(mina, asked), { ...first, repeated: true });
    await answered(tested, next, first.turnId, 'Yes.');
    assert.equal((await states(tested, first.conversationId)).length, 2);
  });

  it('is the owner’s to hear, as before', async (t) => {
    const tested = await createTurnsBench(t);
    const { turnId } = await tested.turns.ask(mina, asks('Mine'));
    await tested.speakers.next();
    const next = await restarted(tested);
    await assert.rejects(next.result(otto, turnId, never), { code: 'not_found' });
    await answered(tested, next, turnId, 'Yes.');
  });

  it('fails with the reason where its model is gone', async (t) => {
    const tested = await createTurnsBench(t);
    tested.bench.catalogue.discover('acme', ['found']);
    const { turnId } = await tested.turns.ask(mina, asks('Tell me', { model: 'found' }));
    await tested.speakers.next();
    tested.bench.catalogue.discover('acme', []);
    const next = await restarted(tested);
    assert.equal(failureOf(await next.result(mina, turnId, never))?.code, 'model_not_found');
  });
});

describe('an answer that nobody waits for, when the process ends', () => {
  it('before it said a word, is left to the next; who listens is told to come back', async (t) => {
    const tested = await createTurnsBench(t);
    const { conversationId, turnId } = await tested.turns.ask(mina, asks('One'));
    const second = await tested.turns.ask(mina, asks('Two', within(conversationId)));
    const { signal } = await tested.speakers.next();
    const listening = [
      heard(tested.turns, turnId),
      heard(tested.turns, second.turnId),
      tested.turns.result(mina, turnId, never),
    ];
    const outcomes = Promise.allSettled(listening);
    await shutDown(tested.turns);
    for (const outcome of await outcomes) {
      const { reason } = outcome as PromiseRejectedResult;
      assert.ok(isMadeAgain(reason) && reason instanceof ParleyError && reason.retryAfterMs !== undefined);
    }
    assert.equal(signal.aborted, true);
    assert.deepEqual(await booked(tested), [['cancelled', 'interrupted', turnId]]);
    assert.deepEqual(
      (await states(tested, conversationId)).map(([, state]) => state),
      ['sent', 'queued', 'sent', 'queued'],
    );
    await assert.rejects(tested.turns.result(mina, turnId, never), isMadeAgain);
    await assert.rejects(
      tested.turns.stop(mina, conversationId),
      isMadeAgain,
      'it could not be stopped here',
    );
    await assert.rejects(tested.turns.stopOf(conversationId, turnId), isMadeAgain);

    const next = await restarted(tested);
    const again = heard(next, turnId);
    await answered(tested, next, turnId, '1');
    assert.equal(textOf(await again), '1');
    await answered(tested, next, second.turnId, '2');
    assert.equal((await booked(tested)).length, 3);
  });

  it('after it said something, is closed with that', async (t) => {
    const tested = await createTurnsBench(t);
    const { conversationId, turnId } = await tested.turns.ask(mina, asks('Tell me'));
    const speaker = await tested.speakers.next();
    speaker.say('I was ');
    // It has reached the turn, not its log.
    await new Promise(setImmediate);
    assert.equal(await tested.turns.textOf(turnId), '');
    await shutDown(tested.turns);
    assert.deepEqual((await states(tested, conversationId))[1], ['assistant', 'interrupted', 'I was ']);
  });

  it('is closed at the third time', async (t) => {
    const tested = await createTurnsBench(t);
    const { turnId } = await tested.turns.ask(mina, asks('Tell me'));
    let life = tested.turns;
    for (let restarts = 0; restarts < 2; restarts++) {
      await tested.speakers.next();
      await shutDown(life);
      life = await restarted(tested);
    }
    await tested.speakers.next();
    await shutDown(life);
    assert.equal((await life.result(mina, turnId, never)).state, 'interrupted');
    assert.equal((await booked(tested)).length, 3);
  });

  it('also where it has been found, but not begun again', async (t) => {
    const tested = await createTurnsBench(t);
    const { turnId } = await tested.turns.ask(mina, asks('Tell me'));
    await tested.speakers.next();
    const brief = tested.another();
    await brief.recover();
    const listening = heard(brief, turnId);
    const outcome = assert.rejects(listening, isMadeAgain);
    await shutDown(brief);
    await outcome;
    await answered(tested, await restarted(tested), turnId, 'Yes.');
    assert.equal((await booked(tested)).length, 2);
  });

  it('is closed where it cannot be left', async (t) => {
    const tested = await createTurnsBench(t);
    const rows = { ...tested.storage.turns, requeue: () => Promise.reject(new Error('no space')) };
    const turns = tested.another({ rows });
    const { turnId } = await turns.ask(mina, asks('Tell me'));
    await tested.speakers.next();
    await shutDown(turns);
    assert.equal((await turns.result(mina, turnId, never)).state, 'interrupted');
    assert.equal((await booked(tested)).length, 1);
  });
});

describe('what has happened meanwhile', () => {
  /** A person who may take conversations over. */
  async function agentIn({ storage }: TurnsBench): Promise<StaffCaller> {
    const account = { username: 'wang', email: 'w@example.com', fullName: 'Wang', passwordHash: 'none' };
    const facts = { role: 'agent', status: 'active', createdAt: 0, updatedAt: 0 } as const;
    const userId = await storage.users.create({ ...account, ...facts });
    return { ...mina, userId, loginId: userId, role: 'agent' };
  }

  async function asked(t: TestContext, changes: Partial<Question> = {}) {
    const tested = await createTurnsBench(t);
    const ids = await tested.turns.ask(mina, asks('Tell me', changes));
    await tested.speakers.next();
    return { ...tested, ...ids };
  }

  it('a person who took over before the crash: nothing is said', async (t) => {
    const tested = await asked(t);
    const { conversationId, turnId } = tested;
    const agent = await agentIn(tested);
    await tested.handoffOf(tested.another()).take(agent, conversationId);
    const next = await restarted(tested);
    assert.ok(isLeftToOthers(await next.result(mina, turnId, never)));
    assert.equal((await states(tested, conversationId))[0]?.[1], 'sent', 'the person will answer');
    assert.equal(tested.speakers.count(), 1);
    assert.equal((await booked(tested)).length, 1);
  });

  it('a person who takes over by another process, while this one makes the answer: the question is that person’s', async (t) => {
    const tested = await createTurnsBench(t);
    const { conversationId, turnId } = await tested.turns.ask(mina, asks('Tell me'));
    const speaker = await tested.speakers.next();
    await tested.handoffOf(tested.another()).take(await agentIn(tested), conversationId);
    speaker.finish();
    assert.ok(isLeftToOthers(await tested.turns.result(mina, turnId, never)));
    assert.equal((await states(tested, conversationId))[0]?.[1], 'sent');
  });

  it('a person who takes over before it is begun again, or while it is made: nothing is said', async (t) => {
    for (const isBegun of [false, true]) {
      const tested = await asked(t);
      const agent = await agentIn(tested);
      const next = tested.another();
      await next.recover();
      if (isBegun) {
        next.resume();
        await tested.speakers.next();
      }
      await tested.handoffOf(next).take(agent, tested.conversationId);
      next.resume();
      assert.ok(isLeftToOthers(await next.result(mina, tested.turnId, never)));
      assert.equal(tested.speakers.count(), isBegun ? 2 : 1);
    }
  });

  it('a person who takes over as the process ends: the next one says nothing', async (t) => {
    const tested = await asked(t);
    const agent = await agentIn(tested);
    await shutDown(tested.turns);
    await tested.handoff.take(agent, tested.conversationId);
    const next = await restarted(tested);
    assert.ok(isLeftToOthers(await next.result(mina, tested.turnId, never)));
    assert.equal(tested.speakers.count(), 1);
  });

  it('a conversation of the helpdesk in which another answer is lost: a person goes on with all of it', async (t) => {
    const settings = () => ({ ...defaultDeskSettings, burstMs: 0 });
    const tested = await createTurnsBench(t, { settings });
    const { id } = await tested.conversations.begin(mina, { contract: 'helpdesk' });
    const left = await tested.turns.ask(mina, asks('One', within(id)));
    const lost = await tested.turns.ask(mina, asks('Two', { ...within(id), background: false }));
    await tested.speakers.next();
    const next = tested.another();
    await next.recover();
    next.resume();
    for (const { turnId } of [left, lost]) {
      assert.equal((await next.result(mina, turnId, never)).state, 'interrupted');
    }
    assert.equal((await tested.conversations.get(mina, id)).status, 'pending');
  });

  it('a stop before the crash that nobody heard of: its repeat stops what is made again', async (t) => {
    const tested = await asked(t);
    const { conversationId, turnId } = tested;
    const stop = { key: 's', fingerprint: 'f' };
    const now = tested.bench.runtime.now();
    const claim = { owner: 'user:7', ...stop, result: [turnId], expiresAt: now + 1000 };
    await tested.storage.idempotencyKeys.put(claim, now);
    const next = await restarted(tested);
    const { signal } = await tested.speakers.next();
    const [answer] = await next.stop(mina, conversationId, stop);
    assert.deepEqual([answer?.id, answer?.state, signal.aborted], [turnId, 'cancelled', true]);
  });

  it('a stop while it waits to be made again: it never is', async (t) => {
    const tested = await asked(t);
    const next = tested.another();
    await next.recover();
    const stopped = await next.stop(mina, tested.conversationId);
    assert.deepEqual(
      stopped.map(({ state }) => state),
      ['cancelled'],
      'it ends before the models are known',
    );
    next.resume();
    await (await restarted(tested)).idle();
    assert.equal(tested.speakers.count(), 1);
  });

  it('the removal of the conversation, or of the question', async (t) => {
    const tested = await asked(t);
    const { conversationId } = tested;
    const kept = await tested.turns.ask(mina, asks('Two'));
    await tested.speakers.next();
    const at = tested.bench.runtime.now();
    await tested.storage.conversations.remove({ id: conversationId, userId: 7, at });
    const gone = { id: kept.questionId, conversationId: kept.conversationId, userId: 7, at };
    await tested.storage.messages.remove(gone);
    const next = await restarted(tested);
    const answer = await next.result(mina, kept.turnId, never);
    assert.deepEqual([answer.state, answer.errorCode], ['failed', 'not_found']);
    await assert.rejects(next.result(mina, tested.turnId, never), { code: 'not_found' });
    assert.equal(tested.speakers.count(), 2);
  });

  it('the removal of the conversation in the middle of finding it', async (t) => {
    const tested = await asked(t);
    const { conversationId, bench, storage } = tested;
    const requeue: typeof storage.turns.requeue = async (turn) => {
      await storage.conversations.remove({ id: conversationId, userId: 7, at: bench.runtime.now() });
      return storage.turns.requeue(turn);
    };
    const next = tested.another({ rows: { ...storage.turns, requeue } });
    await next.recover();
    assert.deepEqual(await next.activeIn(conversationId), []);
    assert.deepEqual(await booked(tested), [['failure', 'interrupted', tested.turnId]]);
  });
});

describe('what a question consists of', () => {
  const models: ModelEntry[] = [
    { id: 'fast', provider: 'acme' },
    { id: 'eye', provider: 'acme', capabilities: ['chat', 'vision'] },
  ];
  const parts: ContentPart[] = [
    { type: 'text', text: 'What is this?' },
    { type: 'image', url: pixel },
  ];
  const shown = asks('What is this?\n[image]', { parts });

  async function createSeeing(t: TestContext) {
    const tested = await createTurnsBench(t, {}, { models });
    const { id } = await tested.conversations.begin(mina, { contract: 'studio', model: 'eye' });
    return { ...tested, id };
  }

  it('is shown to the conversation’s model, also by the next process; the turn’s row has none of it', async (t) => {
    const tested = await createSeeing(t);
    const { turnId, questionId } = await tested.turns.ask(mina, { ...shown, ...within(tested.id) });
    const expected = [{ role: 'user', content: parts }];
    assert.deepEqual((await tested.speakers.next()).request.messages, expected);
    const row = JSON.stringify(await tested.storage.turns.find(turnId));
    assert.ok(!row.includes('base64') && !row.includes('What is this'), row);
    const next = await restarted(tested);
    const { request, say, finish } = await tested.speakers.next();
    assert.deepEqual([request.model, request.messages], ['eye', expected]);
    say('A pixel.');
    finish();
    assert.equal((await next.result(mina, turnId, never)).model, 'eye');
    const { content } = (await tested.storage.messages.find(questionId)) ?? {};
    assert.equal(content, 'What is this?\n[image]');
    assert.equal((await tested.conversations.get(mina, tested.id)).title, 'What is this?');
  });

  it('is refused by a model that cannot see it, before anything is stored', async (t) => {
    const tested = await createSeeing(t);
    await assert.rejects(tested.turns.ask(mina, { ...shown, ...within(tested.id), model: 'fast' }), {
      code: 'invalid_request',
      field: 'content.1',
    });
    assert.deepEqual(await states(tested, tested.id), []);
    assert.equal(tested.speakers.count(), 0);
  });

  it('becomes text for a later model that cannot see it', async (t) => {
    const tested = await createSeeing(t);
    const { turnId } = await tested.turns.ask(mina, { ...shown, ...within(tested.id) });
    await answered(tested, tested.turns, turnId, 'A pixel.');
    const later = await tested.turns.ask(mina, asks('Sure?', { ...within(tested.id), model: 'fast' }));
    const { request, finish } = await tested.speakers.next();
    assert.deepEqual(
      request.messages.map(({ content }) => content),
      ['What is this?\n[image]', 'A pixel.', 'Sure?'],
    );
    finish();
    await tested.turns.result(mina, later.turnId, never);
  });

  it('goes to the person who is in charge', async (t) => {
    const tested = await createSeeing(t);
    const { userId } = mina;
    const now = await tested.conversations.get(mina, tested.id);
    const owner = { status: 'pending', agentType: 'human', assigneeId: null } as const;
    await tested.turns.changeOwner(now, { ...owner, cause: 'asked', actorId: userId, reason: null });
    const { questionId, turnId } = await tested.turns.put(mina, {
      ...shown,
      ...within(tested.id),
      model: 'fast',
    });
    assert.equal(turnId, null);
    const { parts: stored } = (await tested.storage.messages.find(questionId)) ?? {};
    assert.deepEqual(
      stored?.map(({ type }) => type),
      ['text', 'image'],
    );
  });
});

describe('the removal of a question that waits in its line', () => {
  it('ends its answer at once, whatever is said before it', async (t) => {
    const tested = await createTurnsBench(t);
    const { conversationId, turnId } = await tested.turns.ask(mina, asks('One'));
    const speaker = await tested.speakers.next();
    const second = await tested.turns.ask(mina, asks('Two', within(conversationId)));
    const third = await tested.turns.ask(mina, asks('Three', within(conversationId)));
    await tested.turns.stopOf(conversationId, second.questionId);
    assert.equal((await tested.turns.result(mina, second.turnId, never)).state, 'cancelled');
    assert.deepEqual(await tested.turns.activeIn(conversationId), [turnId, third.turnId]);
    speaker.finish();
    await answered(tested, tested.turns, third.turnId, '3');
    assert.equal(tested.speakers.count(), 2);
  });
});
