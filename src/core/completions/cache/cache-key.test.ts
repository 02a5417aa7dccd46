import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OwnerKey } from '../../identity/caller.ts';
import type { Message } from '../messages.ts';
import type { ModelRequest } from '../provider.ts';
import { cacheKeyOf } from './cache-key.ts';

const system: Message = { role: 'system', content: 'Be brief.' };
const user: Message = { role: 'user', content: 'What is tea?' };

interface Question {
  owner: string;
  model: string;
  revision: string;
  request: Partial<ModelRequest>;
}

const keyOf = ({ owner = 'key:1', model = 'fast', revision = 'r1', request = {} }: Partial<Question> = {}) =>
  cacheKeyOf(owner as OwnerKey, model, revision, { model: '', messages: [system, user], ...request });

describe('a cache key', () => {
  it('is the same for the same question', () => {
    assert.deepEqual(keyOf(), keyOf());
    assert.deepEqual(keyOf({ request: {} }), keyOf({ request: { model: 'the vendor’s name for it' } }));
  });

  it('holds what it was made of', () => {
    const { owner, model, prompt, exact, group } = keyOf();
    assert.deepEqual({ owner, model, prompt }, { owner: 'key:1', model: 'fast', prompt: 'What is tea?' });
    for (const digest of [exact, group ?? '']) assert.match(digest, /^[0-9a-f]{64}$/);
    assert.notEqual(exact, group);
  });

  const settings: Record<string, Partial<Question>> = {
    'another owner': { owner: 'key:2' },
    'an owner whose name runs into the model’s': { owner: 'key:1fast', model: '' },
    'another model': { model: 'smart' },
    'another revision': { revision: 'r2' },
    'another system prompt': { request: { messages: [{ ...system, content: 'Be long.' }, user] } },
    'no system prompt': { request: { messages: [user] } },
    'the system prompt from a developer': { request: { messages: [{ ...system, role: 'developer' }, user] } },
    'two system prompts': { request: { messages: [system, system, user] } },
    'a temperature': { request: { temperature: 0 } },
    'another temperature': { request: { temperature: 1 } },
    'a length': { request: { maxTokens: 1 } },
    'a further parameter': { request: { extra: { seed: 1 } } },
    'another value of it': { request: { extra: { seed: 2 } } },
    'further fields of the message': { request: { messages: [system, { ...user, extra: { name: 'Ann' } }] } },
  };
  it('changes with everything that shapes the answer, for similar messages too', () => {
    const keys = [keyOf(), ...Object.values(settings).map(keyOf)];
    const names = ['the question', ...Object.keys(settings)];
    for (const field of ['exact', 'group'] as const) {
      for (const [i, key] of keys.entries()) {
        const same = keys.flatMap((other, j) => (other[field] === key[field] ? [names[j]] : []));
        assert.deepEqual(same, [names[i]], field);
      }
    }
  });

  it('of another message is another one in the same group', () => {
    const other = keyOf({ request: { messages: [system, { role: 'user', content: 'What is coffee?' }] } });
    assert.notEqual(other.exact, keyOf().exact);
    assert.equal(other.group, keyOf().group);
  });

  const histories: Record<string, Message[]> = {
    'a history': [user, { role: 'assistant', content: 'A drink.' }, user],
    'two questions': [user, user],
    'parts instead of text': [{ role: 'user', content: [{ type: 'text', text: 'What is tea?' }] }],
    'an image': [{ role: 'user', content: [{ type: 'image', url: 'https://example.com/a.png' }] }],
    'no question': [system],
    'an answer at the end': [{ role: 'assistant', content: 'A drink.' }],
    'no message at all': [],
  };
  for (const [what, messages] of Object.entries(histories)) {
    it(`has no group with ${what}`, () => {
      const key = keyOf({ request: { messages } });
      assert.equal(key.group, null);
      assert.match(key.exact, /^[0-9a-f]{64}$/);
    });
  }

  it('changes with the history', () => {
    const after = (content: string) =>
      keyOf({ request: { messages: [user, { role: 'assistant', content }, user] } }).exact;
    assert.notEqual(after('A drink.'), after('A plant.'));
  });
});
