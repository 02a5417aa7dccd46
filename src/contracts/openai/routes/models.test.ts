import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { startParley, type Parley } from '../../../../test/support/parley.ts';

describe('/v1/models', () => {
  let parley: Parley;
  let openai: OpenAI;
  before(async () => {
    parley = await startParley({
      anthropic: 'http://127.0.0.1:9',
      yaml: { models: [{ id: 'acme/claude:1', provider: 'anthropic' }] },
    });
    openai = new OpenAI({ baseURL: `${parley.url}/v1`, apiKey: 'any key at all' });
  });
  after(() => parley.close());

  test('lists the models that can answer', async () => {
    const models = await Array.fromAsync(openai.models.list());
    assert.ok(models.length > 3);
    for (const model of models) {
      assert.deepEqual(Object.keys(model), ['id', 'object', 'created', 'owned_by']);
      assert.equal(model.object, 'model');
      assert.equal(Number.isInteger(model.created), true);
      assert.ok(['anthropic', 'local'].includes(model.owned_by), model.id);
    }
    const ids = models.map(({ id }) => id);
    assert.ok(ids.includes('parley-local'));
    assert.ok(!ids.includes('gpt-4o'), 'its vendor is not configured');
    assert.equal(new Set(ids).size, ids.length);
  });

  test('retrieves one, by id, by alias, and with a slash in its id', async () => {
    assert.deepEqual(await openai.models.retrieve('gpt-4'), {
      id: 'gpt-4',
      object: 'model',
      created: Date.parse('2023-03-14') / 1000,
      owned_by: 'openai',
    });
    assert.equal((await openai.models.retrieve('gpt-4-0613')).id, 'gpt-4-0613');
    assert.equal((await openai.models.retrieve('acme/claude:1')).owned_by, 'anthropic');
  });
});
