import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { endOf, newTurn } from '../../storage/sample-turns.fixture.ts';
import { answerOf, createScriptedProvider, hang } from '../completions/bench.fixture.ts';
import type { Ground } from '../knowledge/grounding.ts';
import { createDeskBench } from './desk.fixture.ts';

const request = { requestId: 'req_7', endpoint: '/suggestions' };
const { signal } = new AbortController();
const source = { number: 1, articleId: 5, title: 'Refunds', section: null };

async function createTested(t: TestContext, ground: Ground = () => null, answer = 'In five days [1].') {
  const provider = createScriptedProvider('acme', { answer: () => answerOf(answer) });
  const tested = await createDeskBench(t, { providers: [provider], ground });
  return { ...tested, provider };
}

test('a suggestion answers the customer’s last message in its context, and stores nothing but the call', async (t) => {
  const { desk, storage, ann, provider, bench } = await createTested(t);
  const first = await newTurn(storage, { question: 'Hello', systemPrompt: 'Be brief.' });
  await storage.turns.begin(first);
  await storage.turns.end(endOf(first, { content: 'Good day!' }));
  const { id } = first.conversation;
  const second = await newTurn(storage, {
    conversation: { kind: 'existing', id },
    question: 'When is my refund?',
  });
  await storage.turns.begin(second);
  await storage.turns.end(endOf(second, { state: 'failed', content: '' }));
  const before = await storage.feed.head();

  const suggestion = await desk.suggest(ann, id, request, signal);
  assert.deepEqual(suggestion, { text: 'In five days [1].', model: 'fast', citations: null });
  assert.deepEqual(provider.requests[0]?.messages, [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hello' },
    { role: 'assistant', content: 'Good day!' },
    { role: 'user', content: 'When is my refund?' },
  ]);
  assert.equal(await storage.feed.head(), before);
  assert.equal((await storage.conversations.find(id))?.messageCount, 4);
  const call = (await bench.calls()).at(-1);
  assert.deepEqual(
    [call?.userId, call?.contract, call?.endpoint, call?.requestId, call?.outcome],
    [ann.userId, 'helpdesk', '/suggestions', 'req_7', 'success'],
  );
});

test('it rests on the settings and the knowledge base, and says what it cites', async (t) => {
  const asked: string[] = [];
  const { desk, settings, boss, ann, begin, change, says, provider } = await createTested(t, (question) => {
    asked.push(question);
    return { text: 'Passages.', sources: [source, { ...source, number: 2 }] };
  });
  await settings.set(boss, { systemPrompt: 'You are kind.', model: 'fast' });
  const id = await begin();
  await change(id);
  await says(id, 'Hello');
  await says(id, 'When is my refund?');
  const { citations } = await desk.suggest(ann, id, request, signal);
  assert.deepEqual(citations, [source]);
  assert.deepEqual(asked, ['Hello\nWhen is my refund?']);
  assert.deepEqual(provider.requests[0]?.messages[0], {
    role: 'system',
    content: 'You are kind.\n\nPassages.',
  });
});

test('there is nothing to suggest before the customer has said something', async (t) => {
  const { desk, ann, begin, provider } = await createTested(t);
  const id = await begin();
  await assert.rejects(desk.suggest(ann, id, request, signal), { code: 'conflict' });
  await assert.rejects(desk.suggest(ann, 99, request, signal), { code: 'not_found' });
  assert.equal(provider.requests.length, 0);
});

test('who goes away stops the call', async (t) => {
  const provider = createScriptedProvider('acme', { answer: (_request, aborted) => hang(aborted) });
  const { desk, ann, begin, change, says, bench } = await createDeskBench(t, { providers: [provider] });
  const id = await begin();
  await change(id);
  await says(id, 'Hello');
  const suggesting = desk.suggest(ann, id, request, AbortSignal.abort());
  await assert.rejects(suggesting, { code: 'cancelled' });
  assert.equal((await bench.calls()).at(-1)?.outcome, 'cancelled');
});
