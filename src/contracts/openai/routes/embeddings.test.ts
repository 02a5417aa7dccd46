import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LLMock } from '@copilotkit/aimock';
import OpenAI from 'openai';
import { read, send } from '../../../../test/support/gateway.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import { startMock } from '../../../../test/support/vendor.ts';

const clientOf = (parley: Parley) =>
  new OpenAI({ baseURL: `${parley.url}/v1`, apiKey: 'any key at all', maxRetries: 0 });
const cosine = (a: number[] = [], b: number[] = []) =>
  a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

describe('/v1/embeddings', () => {
  let mock: LLMock;
  let parley: Parley;
  let openai: OpenAI;
  before(async () => {
    mock = await startMock();
    mock.onEmbedding(/./, { embedding: [0.5, -0.25, 1] });
    parley = await startParley({ openAi: mock.url });
    openai = clientOf(parley);
  });
  after(async () => {
    await parley.close();
    await mock.stop();
  });

  describe('of a vendor', () => {
    const model = 'text-embedding-3-small';

    for (const encoding_format of [undefined, 'float', 'base64'] as const) {
      test(`the client's vectors, with encoding_format ${encoding_format}`, async () => {
        const list = await openai.embeddings.create({
          model,
          input: ['one', 'two'],
          ...(encoding_format !== undefined && { encoding_format }),
        });
        assert.equal(list.object, 'list');
        assert.equal(list.model, model);
        assert.deepEqual(
          list.data.map(({ index, object }) => [index, object]),
          [
            [0, 'embedding'],
            [1, 'embedding'],
          ],
        );
        if (encoding_format !== 'base64') {
          for (const { embedding } of list.data) assert.deepEqual([...embedding], [0.5, -0.25, 1]);
        } else {
          const bytes = Buffer.from(list.data[0]?.embedding as unknown as string, 'base64');
          assert.deepEqual(
            [0, 4, 8].map((at) => bytes.readFloatLE(at)),
            [0.5, -0.25, 1],
          );
        }
        assert.equal(list.usage.total_tokens, list.usage.prompt_tokens);
      });
    }

    test('without encoding_format the wire has numbers', async () => {
      const { body } = await read<{ data: { embedding: number[] }[] }>(
        send(`${parley.url}/v1/embeddings`, 'POST', { model, input: 'one' }),
      );
      assert.deepEqual(body.data[0]?.embedding, [0.5, -0.25, 1]);
    });

    test('a vendor that fails is an error, not the local model', async () => {
      mock.setChaos({ dropRate: 1 });
      await assert.rejects(openai.embeddings.create({ model, input: 'x' }), OpenAI.InternalServerError);
      mock.clearChaos();
    });

    test('each call is one row', async () => {
      const before = (await parley.calls(0)).length;
      await openai.embeddings.create({ model, input: 'counted' });
      const [row, ...others] = await parley.calls(before + 1);
      assert.equal(others.length, before);
      assert.deepEqual([row?.endpoint, row?.outcome, row?.model], ['/v1/embeddings', 'success', model]);
    });
  });

  describe('of the local model', () => {
    const model = 'parley-local-embedding';

    test('near texts are near, far ones far', async () => {
      const { data, usage } = await openai.embeddings.create({
        model,
        input: ['How do I reset my password?', 'how do I reset my password', 'The weather in Oslo'],
      });
      const [a, b, c] = data.map(({ embedding }) => embedding);
      assert.equal(a?.length, 512);
      assert.ok(Math.abs(cosine(a, a) - 1) < 1e-5, 'vectors have length 1');
      assert.ok(cosine(a, b) > 0.9);
      assert.ok(cosine(a, c) < 0.5);
      assert.ok(usage.prompt_tokens > 0);
    });

    test('dimensions', async () => {
      const { data } = await openai.embeddings.create({ model, input: 'x', dimensions: 64 });
      assert.equal(data[0]?.embedding.length, 64);
    });

    test('answers for a vendor that is not configured, and is named', async (t) => {
      const alone = await startParley();
      t.after(() => alone.close());
      const list = await clientOf(alone).embeddings.create({ model: 'text-embedding-3-small', input: 'x' });
      assert.equal(list.model, model);
    });

    test('token numbers are refused', async () => {
      await assert.rejects(openai.embeddings.create({ model, input: [1, 2, 3] }), OpenAI.BadRequestError);
    });
  });

  for (const [title, change, param] of [
    ['an empty text', { input: '' }, 'input'],
    ['an empty list', { input: [] }, 'input'],
    ['no input', { input: undefined }, 'input'],
    ['a number', { input: 1 }, 'input'],
    ['an unknown encoding', { encoding_format: 'xml' }, 'encoding_format'],
    ['no dimensions', { dimensions: 0 }, 'dimensions'],
  ] as const) {
    test(`${title} is BadRequestError`, async () => {
      const body = { model: 'parley-local-embedding', input: 'x', ...change } as never;
      await assert.rejects(openai.embeddings.create(body), (error) => {
        assert.ok(error instanceof OpenAI.BadRequestError, String(error));
        assert.equal(error.param, param);
        return true;
      });
    });
  }
});
