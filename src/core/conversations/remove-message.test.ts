import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Idempotency } from '../idempotency.ts';
import { createTurnsBench, mina, otto, question, type TurnsBench } from '../turns/turns.fixture.ts';

const page = { skip: 0, limit: 100 };
const signal = AbortSignal.timeout(20_000);
const key = (name: string): Idempotency => ({ key: name, fingerprint: name });
const idsOf = (messages: readonly { id: number }[]) => messages.map(({ id }) => id);

/** A conversation of Mina's in which `text` was answered with `answer`. */
async function talk({ turns, speakers }: TurnsBench, id?: number, text = 'Why?', answer = 'So.') {
  const place = id === undefined ? ({ kind: 'new' } as const) : ({ kind: 'existing', id } as const);
  const asked = await turns.ask(mina, question(text, { place }));
  const speaker = await speakers.next();
  speaker.say(answer);
  speaker.finish();
  await turns.result(mina, asked.turnId, signal);
  return { ...asked, speaker };
}

/** What happened in the conversation since its first question. */
async function events({ storage }: TurnsBench, conversationId: number) {
  const all = await storage.feed.after({ conversationId }, 0, 100);
  return all.map(({ type, messageId }) => [type, messageId]);
}

async function prepare(t: TestContext) {
  const tested = await createTurnsBench(t);
  return { tested, remove: tested.conversations.removeMessage };
}

describe('a message is removed', () => {
  it('by its owner, and is nowhere any more', async (t) => {
    const { tested, remove } = await prepare(t);
    const { conversations } = tested;
    const { conversationId: id, questionId, turnId } = await talk(tested);
    await remove(mina, questionId);
    assert.deepEqual(idsOf(await conversations.messages(mina, id, page)), [turnId]);
    assert.deepEqual(idsOf(await conversations.recent(mina, id, 10)), [turnId]);
    const { messages, total } = await conversations.history(mina, { ...page, newestFirst: true });
    assert.deepEqual([idsOf(messages), total], [[turnId], 1]);
    assert.equal((await conversations.get(mina, id)).messageCount, 1);
    await assert.rejects(conversations.message(mina, id, questionId), { code: 'not_found' });
    assert.deepEqual(await events(tested, id), [
      ['asked', questionId],
      ['answered', turnId],
      ['message_removed', questionId],
    ]);
  });

  it('by nobody else, and not twice', async (t) => {
    const { tested, remove } = await prepare(t);
    const { conversationId: id, questionId } = await talk(tested);
    const guests = await tested.conversations.begin(
      { kind: 'anonymous', ip: '192.0.2.1' },
      { contract: 'helpdesk' },
    );
    const guest = await tested.conversations.asGuest('192.0.2.1', guests.key);
    assert.ok(guest);
    const asked = await tested.turns.put(guest, question('Hello'));
    (await tested.speakers.next()).finish();
    const isGone = { code: 'not_found', message: 'There is no such message.' };
    await assert.rejects(remove(otto, questionId), isGone);
    await assert.rejects(remove({ ...otto, role: 'admin' }, questionId), isGone);
    await assert.rejects(remove(mina, asked.questionId), isGone);
    await assert.rejects(remove(mina, 99), isGone);
    await remove(mina, questionId);
    await assert.rejects(remove(mina, questionId), isGone);
    const twice = await Promise.allSettled([1, 2].map(() => remove(mina, questionId + 1)));
    assert.deepEqual(twice.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
    assert.equal((await tested.conversations.get(mina, id)).messageCount, 0);
  });

  it('once under one key, however often it is asked for', async (t) => {
    const { tested, remove } = await prepare(t);
    const { conversationId: id, questionId, turnId } = await talk(tested);
    await Promise.all([1, 2, 3].map(() => remove(mina, questionId, key('one'))));
    await remove(mina, questionId, key('one'));
    assert.deepEqual(idsOf(await tested.conversations.messages(mina, id, page)), [turnId]);
    await assert.rejects(remove(mina, turnId, { key: 'one', fingerprint: 'another' }), {
      code: 'invalid_request',
    });
  });

  it('while it is on its way: the answer is stopped first, and its followers are told its end', async (t) => {
    const { tested, remove } = await prepare(t);
    const { turns, speakers, conversations } = tested;
    const { conversationId: id, questionId, turnId } = await turns.ask(mina, question('Why?'));
    const speaker = await speakers.next();
    const result = turns.result(mina, turnId, signal);
    speaker.say('So');
    await assert.rejects(remove(otto, turnId), { code: 'not_found' });
    assert.equal(speaker.signal.aborted, false, 'nobody else stops it');
    await remove(mina, turnId);
    assert.equal(speaker.signal.aborted, true);
    assert.equal((await result).state, 'cancelled');
    assert.deepEqual(await turns.activeIn(id), []);
    assert.deepEqual(idsOf(await conversations.messages(mina, id, page)), [questionId]);
    const types = (await events(tested, id)).map(([type]) => type);
    assert.deepEqual(types, ['asked', 'answered', 'message_removed']);
    await assert.rejects(turns.result(mina, turnId, signal), { code: 'not_found' });
    assert.equal(
      (await tested.storage.apiCalls.list({ limit: 10 })).length,
      1,
      'what it cost is in the books',
    );
  });

  it('while its answer is on its way: that is stopped, and what it said stays', async (t) => {
    const { tested, remove } = await prepare(t);
    const { turns, speakers, conversations } = tested;
    const first = await turns.ask(mina, question('Why?'));
    const place = { kind: 'existing', id: first.conversationId } as const;
    const second = await turns.ask(mina, question('And how?', { place }));
    const speaker = await speakers.next();
    speaker.say('So');
    await turns.follow(mina, first.turnId, 0, signal).next();
    await remove(mina, first.questionId);
    assert.equal(speaker.signal.aborted, true);
    const next = await speakers.next();
    next.say('Thus.');
    next.finish();
    await turns.result(mina, second.turnId, signal);
    const messages = await conversations.messages(mina, place.id, page);
    assert.deepEqual(
      messages.map(({ id, state, content }) => [id, state, content]),
      [
        [first.turnId, 'cancelled', 'So'],
        [second.questionId, 'sent', 'And how?'],
        [second.turnId, 'completed', 'Thus.'],
      ],
    );
  });

  it('while it waits its turn: others are answered as if it had not been', async (t) => {
    const { tested, remove } = await prepare(t);
    const { turns, speakers } = tested;
    const first = await turns.ask(mina, question('Why?'));
    const place = { kind: 'existing', id: first.conversationId } as const;
    const second = await turns.ask(mina, question('And how?', { place }));
    const third = await turns.ask(mina, question('And when?', { place }));
    await remove(mina, second.questionId);
    await remove(mina, second.turnId);
    const speaker = await speakers.next();
    speaker.say('So.');
    speaker.finish();
    const next = await speakers.next();
    next.finish();
    await turns.result(mina, third.turnId, signal);
    const asked = next.request.messages.map(({ content }) => content);
    assert.deepEqual(asked, ['Why?', 'So.', 'And when?']);
    assert.equal(speakers.count(), 2);
  });

  it('and the model does not see it in what comes after', async (t) => {
    const { tested, remove } = await prepare(t);
    const { conversationId: id, turnId } = await talk(tested);
    const second = await talk(tested, id, 'And how?', 'Thus.');
    await remove(mina, turnId);
    await remove(mina, second.questionId);
    const { speaker } = await talk(tested, id, 'And when?', 'Then.');
    assert.deepEqual(
      speaker.request.messages.map(({ role, content }) => [role, content]),
      [
        ['user', 'Why?'],
        ['assistant', 'Thus.'],
        ['user', 'And when?'],
      ],
    );
    assert.equal((await tested.conversations.get(mina, id)).title, 'Why?');
  });

  it('from a burst: what else was asked is answered', async (t) => {
    const { tested, remove } = await prepare(t);
    const { turns, speakers, conversations } = tested;
    const first = await turns.ask(mina, question('Why?', { gathers: true }));
    const place = { kind: 'existing', id: first.conversationId } as const;
    const second = await turns.ask(mina, question('And how?', { gathers: true, place }));
    assert.equal(second.turnId, first.turnId);
    await remove(mina, first.questionId);
    const speaker = await speakers.next();
    speaker.say('Thus.');
    speaker.finish();
    const answer = await turns.result(mina, second.turnId, signal);
    assert.deepEqual([answer.state, answer.content], ['completed', 'Thus.']);
    const messages = await conversations.messages(mina, place.id, page);
    assert.deepEqual(idsOf(messages), [second.questionId, second.turnId]);
  });

  it('with a question behind it that joins no answer which has moved', async (t) => {
    const { tested, remove } = await prepare(t);
    const { turns, speakers, conversations } = tested;
    const talked = await talk(tested);
    const place = { kind: 'existing', id: talked.conversationId } as const;
    await remove(mina, talked.questionId);
    const first = await turns.ask(mina, question('And how?', { gathers: true, place }));
    const second = await turns.ask(mina, question('And when?', { gathers: true, place }));
    assert.equal(second.turnId, first.turnId, 'a gap before it does not matter');
    await remove(mina, second.turnId);
    const third = await turns.ask(mina, question('And who?', { gathers: true, place }));
    assert.notEqual(third.turnId, first.turnId);
    const speaker = await speakers.next();
    speaker.say('Me.');
    speaker.finish();
    await turns.result(mina, third.turnId, signal);
    const messages = await conversations.messages(mina, place.id, page);
    const expected = [talked.turnId, first.questionId, second.questionId, third.questionId, third.turnId];
    assert.deepEqual(idsOf(messages), expected);
  });
});

describe('whose something is', () => {
  it('is another’s where it is there and not one’s own', async (t) => {
    const { tested } = await prepare(t);
    const { conversations } = tested;
    const { conversationId, questionId: messageId } = await talk(tested);
    const guests = await conversations.begin(
      { kind: 'anonymous', ip: '192.0.2.1' },
      { contract: 'helpdesk' },
    );
    const ask = (caller = otto) =>
      Promise.all([
        conversations.belongsToAnother(caller, { conversationId }),
        conversations.belongsToAnother(caller, { messageId }),
      ]);
    assert.deepEqual(await ask(mina), [false, false]);
    assert.deepEqual(await ask(), [true, true]);
    assert.equal(await conversations.belongsToAnother(mina, { conversationId: guests.id }), true);
    assert.equal(await conversations.belongsToAnother(mina, { conversationId: 99 }), false);
    await conversations.removeMessage(mina, messageId);
    assert.deepEqual(await ask(), [true, false], 'what is gone is nobody’s');
    await conversations.remove(mina, conversationId);
    assert.deepEqual(await ask(), [false, false]);
  });
});
