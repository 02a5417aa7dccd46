import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContextMessage } from '../../storage/messages.ts';
import { createTurnsBench, mina, question } from './turns.fixture.ts';
import type { Ground } from '../knowledge/grounding.ts';
import { grounded } from './grounded.ts';

const room = { contextLength: 4_000, maxOutput: 1_000, maxTokens: undefined };
const source = { number: 1, articleId: 1, title: 'Returns', section: null };

/** Newest first, as the store gives them. */
function said(...texts: [ContextMessage['role'], string][]): ContextMessage[] {
  const messages = texts.map(([role, content], index) => {
    const rest = { state: 'completed', tokens: 10, parts: null } as const;
    return { id: index + 1, place: index + 1, role, content, ...rest };
  });
  return messages.toReversed();
}

test('all messages without an answer are looked up together, and what was asked before helps', async (t) => {
  const { bench } = await createTurnsBench(t);
  const asked: Parameters<Ground>[] = [];
  const ground: Ground = (...given) => {
    asked.push(given);
    return { text: 'PASSAGES', sources: [source] };
  };
  const work = { question: question('abroad'), channel: 'helpdesk', systemPrompt: 'Be kind.' };
  const parts = { completions: bench.completions, ground };
  const newest = said(
    ['user', 'delivery?'],
    ['assistant', 'Three days.'],
    ['user', 'and'],
    ['user', 'abroad'],
  );
  assert.deepEqual(grounded(parts, work, newest, room), {
    systemPrompt: 'Be kind.\n\nPASSAGES',
    sources: [source],
  });
  const [[text, options = {}] = ['']] = asked;
  assert.deepEqual([text, options.before], ['and\nabroad', 'delivery?']);
  assert.ok((options.maxTokens ?? 0) > 1_000 && (options.maxTokens ?? 0) < 1_500, `${options.maxTokens}`);

  const without = { ...work, systemPrompt: null };
  assert.equal(grounded(parts, without, newest, room).systemPrompt, 'PASSAGES');
  assert.deepEqual(grounded(parts, { ...work, channel: 'assistant' }, newest, room), {
    systemPrompt: 'Be kind.',
    sources: [],
  });
});

test('the model gets the passages with the system prompt, and what it cites is stored with its answer', async (t) => {
  const text = 'passage '.repeat(300).trim();
  const ground: Ground = () => ({ text, sources: [source] });
  const { turns, speakers, storage } = await createTurnsBench(t, { ground });
  const asked = question('abroad?', { contract: 'helpdesk', systemPrompt: 'Be kind.' });
  const { turnId } = await turns.ask(mina, asked);
  const speaker = await speakers.next();
  const [system, last] = speaker.request.messages;
  assert.deepEqual(system, { role: 'system', content: `Be kind.\n\n${text}` });
  assert.deepEqual(last, { role: 'user', content: 'abroad?' });
  speaker.say('Yes [1], no [2].');
  speaker.finish();
  const answer = await turns.result(mina, turnId, AbortSignal.timeout(5_000));
  assert.deepEqual(answer.citations, [source]);
  assert.deepEqual((await storage.messages.find(turnId))?.citations, [source]);
});
