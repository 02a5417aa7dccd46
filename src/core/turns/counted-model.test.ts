import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createScriptedProvider } from '../completions/bench.fixture.ts';
import type { StaffCaller } from '../identity/caller.ts';
import { createTurnsBench, mina, question } from './turns.fixture.ts';

const never = new AbortController().signal;
const models = [
  { id: 'fast', provider: 'acme' },
  { id: 'plus', provider: 'acme', aliases: ['plus-latest'] },
  { id: 'max', provider: 'broken' },
];

/** Turns of models of which `max` cannot answer; what was counted for each, chats, messages and tokens. */
async function createTested(t: TestContext) {
  const broken = createScriptedProvider('broken', {
    stream() {
      throw new Error('down');
    },
  });
  const fallback = { models: { max: ['plus'] } };
  const bench = await createTurnsBench(t, {}, { models, fallback });
  bench.bench.parts.slots.set('broken', { ...bench.bench.parts.slots.get('acme')!, provider: broken });
  const ask = async (changes: Parameters<typeof question>[1] = {}) => {
    const asked = await bench.turns.ask(mina, question('Why?', changes));
    const speaker = await bench.speakers.next();
    speaker.say('Because.');
    speaker.finish();
    await bench.turns.result(mina, asked.turnId, never);
    return asked.conversationId;
  };
  const counted = async () => {
    const rows = await bench.storage.chatTotals.talkByModel({ userId: mina.userId });
    return rows.map(({ model, chats, messages, tokens }) => [model, chats, messages, tokens]);
  };
  return { ...bench, ask, counted };
}

describe('what is said is counted for', () => {
  it('the default model, where nobody names one', async (t) => {
    const { ask, counted } = await createTested(t);
    await ask();
    assert.deepEqual(await counted(), [['fast', 1, 2, 15]]);
  });

  it('the model of the conversation, or that of the question, under the name by which it is called', async (t) => {
    const { ask, counted, conversations } = await createTested(t);
    const { id } = await conversations.begin(mina, { contract: 'studio', model: 'plus-latest' });
    const place = { kind: 'existing', id } as const;
    await ask({ place });
    await ask({ place, model: 'plus' });
    assert.deepEqual(await counted(), [
      ['plus', 0, 2, 15],
      ['plus-latest', 1, 2, 15],
    ]);
  });

  it('the model that stands in, as far as the answer goes', async (t) => {
    const { ask, counted } = await createTested(t);
    await ask({ model: 'max' });
    assert.deepEqual(await counted(), [
      ['max', 1, 1, 0],
      ['plus', 0, 1, 15],
    ]);
  });

  it('the model that was to answer, where it is stopped before it is asked', async (t) => {
    const { turns, speakers, counted } = await createTested(t);
    const first = await turns.ask(mina, question('Why?', { model: 'plus' }));
    await speakers.next();
    const place = { kind: 'existing', id: first.conversationId } as const;
    await turns.ask(mina, question('And?', { place, model: 'max' }));
    await turns.stop(mina, first.conversationId);
    const rows = await counted();
    assert.deepEqual(
      rows.map(([model, chats, messages]) => [model, chats, messages]),
      [
        ['max', 0, 1],
        ['plus', 1, 1],
      ],
    );
  });

  it('the model of the conversation, where people talk', async (t) => {
    const { turns, handoff, conversations, storage, counted } = await createTested(t);
    const userId = await storage.users.create({
      username: 'wang',
      email: 'wang@example.com',
      fullName: 'Wang',
      passwordHash: 'none',
      role: 'agent',
      status: 'active',
      createdAt: 0,
      updatedAt: 0,
    });
    const wang: StaffCaller = { ...mina, userId, loginId: userId, role: 'agent' };
    const { id } = await conversations.begin(mina, { contract: 'studio', model: 'plus' });
    await handoff.take(wang, id);
    await turns.put(mina, question('Hello?', { place: { kind: 'existing', id } }));
    await handoff.reply(wang, id, 'Here I am.', undefined);
    assert.deepEqual(await counted(), [['plus', 1, 2, 0]]);
  });
});
