import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { estimateTokens } from '../completions/estimate.ts';
import { assembleContext, type ContextInput, type HistoryMessage } from './context.ts';

const said = (role: 'user' | 'assistant', content: string, tokens = 10): HistoryMessage => ({
  role,
  state: role === 'user' ? 'sent' : 'completed',
  content,
  tokens,
});
const input = (changes: Partial<ContextInput> = {}): ContextInput => ({
  systemPrompt: null,
  history: [],
  question: { content: 'And now?', tokens: 6 },
  contextLength: null,
  maxOutput: null,
  ...changes,
});
const textsOf = (changes: Partial<ContextInput>) =>
  assembleContext(input(changes)).messages.map(({ content }) => content);

describe('the context of a question', () => {
  it('is the prompt, what was said, oldest first, and the question', () => {
    const history = [said('assistant', 'Good day'), said('user', 'Hello')];
    const { messages, promptTokens } = assembleContext(input({ systemPrompt: 'Be brief.', history }));
    assert.deepEqual(messages, [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Good day' },
      { role: 'user', content: 'And now?' },
    ]);
    assert.equal(promptTokens, estimateTokens('Be brief.') + 10 + 10 + 6 + 4 * 4);
  });

  it('keeps the newest that fit, and does not jump over one that does not', () => {
    const history = [said('user', 'new', 20), said('user', 'long', 60), said('user', 'old', 1)];
    assert.deepEqual(textsOf({ history, contextLength: 100, maxTokens: 20 }), ['new', 'And now?']);
  });

  it('fills the room to the last token', () => {
    const history = [said('user', 'exactly', 66)];
    assert.equal(textsOf({ history, contextLength: 100, maxTokens: 20 }).length, 2);
    assert.equal(textsOf({ history, contextLength: 99, maxTokens: 20 }).length, 1);
  });

  it('leaves out what nobody answered and what says nothing', () => {
    const history: HistoryMessage[] = [
      { ...said('user', 'unanswered'), state: 'failed' },
      { ...said('assistant', 'half a failure'), state: 'failed' },
      { ...said('assistant', ''), state: 'cancelled' },
      { ...said('assistant', ''), state: 'running' },
      { ...said('assistant', 'stopped'), state: 'cancelled' },
      { ...said('assistant', 'cut off'), state: 'interrupted' },
      said('user', 'first'),
    ];
    assert.deepEqual(textsOf({ history }), ['first', 'cut off', 'stopped', 'And now?']);
  });

  it('never begins with an answer, and counts none that it dropped', () => {
    const history = [said('assistant', 'answer', 20), said('user', 'question', 5000)];
    const { messages, promptTokens } = assembleContext(input({ history, contextLength: 100 }));
    assert.deepEqual([messages.length, promptTokens], [1, 10]);
  });

  it('keeps room for the answer: a quarter, or what the model can say at most', () => {
    const history = [said('user', 'much', 70)];
    assert.equal(textsOf({ history, contextLength: 100 }).length, 1);
    assert.equal(textsOf({ history, contextLength: 100, maxOutput: 16 }).length, 2);
  });

  it('is of 8192 tokens where the model does not say', () => {
    const fits = { content: 'long', tokens: 6144 - 4 };
    assert.equal(textsOf({ question: fits }).length, 1);
    assert.throws(() => textsOf({ question: { ...fits, tokens: fits.tokens + 1 } }), {
      code: 'invalid_request',
      field: 'message',
    });
  });

  it('gives an answer of any wanted length half at most', () => {
    assert.equal(textsOf({ contextLength: 100, maxTokens: 1_000_000 }).length, 1);
    const question = { content: 'long', tokens: 47 };
    assert.throws(() => textsOf({ contextLength: 100, maxTokens: 1_000_000, question }), {
      field: 'message',
    });
  });

  it('fits, holds the prompt and the question, and is an unbroken run of what was said, whatever that is', () => {
    const message = fc.record({
      role: fc.constantFrom('user' as const, 'assistant' as const),
      state: fc.constantFrom(
        'sent' as const,
        'completed' as const,
        'failed' as const,
        'interrupted' as const,
      ),
      content: fc.constantFrom('', 'a', 'b', 'c'),
      tokens: fc.nat(80),
    });
    const any = fc.record({
      systemPrompt: fc.option(fc.string({ maxLength: 200 })),
      history: fc.array(message, { maxLength: 40 }),
      question: fc.record({ content: fc.string({ minLength: 1 }), tokens: fc.nat(200) }),
      contextLength: fc.option(fc.integer({ min: 1, max: 2000 })),
      maxOutput: fc.option(fc.integer({ min: 1, max: 2000 })),
      maxTokens: fc.option(fc.integer({ min: 1, max: 3000 }), { nil: undefined }),
    });
    fc.assert(fc.property(any, checkContext), { numRuns: 500 });
  });
});

function checkContext(given: ContextInput): void {
  const all = given.contextLength ?? 8192;
  const prompt = given.systemPrompt === null || given.systemPrompt === '' ? [] : [given.systemPrompt];
  const least = given.question.tokens + 4 + prompt.reduce((sum, text) => sum + estimateTokens(text) + 4, 0);
  const room =
    all -
    (given.maxTokens === undefined
      ? Math.min(given.maxOutput ?? all, Math.floor(all / 4))
      : Math.min(given.maxTokens, Math.floor(all / 2)));
  if (least > room) {
    assert.throws(() => assembleContext(given), { code: 'invalid_request', field: 'message' });
    return;
  }
  const { messages, promptTokens } = assembleContext(given);
  assert.ok(promptTokens <= room && promptTokens >= least);
  assert.deepEqual(
    messages.filter(({ role }) => role === 'system').map(({ content }) => content),
    prompt,
  );
  assert.deepEqual(messages.at(-1), { role: 'user', content: given.question.content });
  const kept = messages.slice(prompt.length, -1);
  assert.notEqual(kept[0]?.role, 'assistant');
  const usable = given.history.filter(({ state, content }) => content !== '' && state !== 'failed');
  const run = usable.slice(0, kept.length).reverse();
  assert.deepEqual(
    kept,
    run.map(({ role, content }) => ({ role, content })),
  );
  assert.equal(promptTokens, least + run.reduce((sum, { tokens }) => sum + tokens + 4, 0));
  // The next older one was left out for a reason: it does not fit, or only answers were left before the run.
  const rest = usable.slice(kept.length);
  const next = rest[0];
  if (next === undefined) return;
  const upTo = rest.slice(0, rest.findIndex(({ role }) => role === 'user') + 1);
  const needed = upTo.length === 0 ? Infinity : upTo.reduce((sum, { tokens }) => sum + tokens + 4, 0);
  assert.ok(promptTokens + needed > room);
}
