import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LLMock } from '@copilotkit/aimock';
import { read, send, type ErrorBody } from '../../../../test/support/gateway.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import { assertShape } from '../../../../test/support/shape.ts';
import { startMock } from '../../../../test/support/vendor.ts';
import * as examples from '../examples.fixture.ts';

type Model = (typeof examples.models)[number];
interface Page {
  data: Model[];
  pagination: (typeof examples.page)['pagination'];
}

describe('models', () => {
  let mock: LLMock;
  let parley: Parley;
  before(async () => {
    mock = await startMock();
    parley = await startParley({ openAi: mock.url });
  });
  after(async () => {
    await parley.close();
    await mock.stop();
  });
  const get = <T>(path: string) => read<T>(send(`${parley.url}${path}`, 'GET'));

  test('GET /api/v1/models is an array in the shape of the document', async () => {
    const { status, body } = await get<Model[]>('/api/v1/models');
    assert.equal(status, 200);
    assertShape(body, examples.models, ['[].cost_per_token', '[].context_length']);
    assert.ok(body.length > 20);
  });

  test("the document's model is as the document has it", async () => {
    const { body } = await get<Model[]>('/api/v1/models');
    const gpt4 = body.find(({ id }) => id === 'gpt-4');
    const { cost_per_token: cost, ...rest } = gpt4 ?? assert.fail('gpt-4 is there');
    const { cost_per_token: shown, ...example } = examples.models[0] ?? assert.fail();
    assert.deepEqual(rest, example);
    assert.equal(cost.input, shown.input);
    assert.equal(cost.output, shown.output);
  });

  test('`available` says whether the vendor is configured', async () => {
    const { body } = await get<Model[]>('/api/v1/models');
    for (const { id, provider, available } of body) {
      assert.equal(available, provider === 'openai' || provider === 'local', id);
    }
  });

  test('GET /api/v1/models/{model_id} is the model object of the list', async () => {
    const list = await get<Model[]>('/api/v1/models');
    for (const id of ['gpt-4', 'parley-local']) {
      const { status, body } = await get<Model>(`/api/v1/models/${id}`);
      assert.equal(status, 200);
      assert.deepEqual(
        body,
        list.body.find((model) => model.id === id),
      );
    }
  });

  test('a model under its alias', async () => {
    const { status, body } = await get<Model>('/api/v1/models/gpt-4-0613');
    assert.equal(status, 200);
    assert.equal(body.id, 'gpt-4-0613');
    assert.equal(body.context_length, 8192);
  });

  test('ids with slashes and colons, percent-encoded', async (t) => {
    const models = [{ id: 'meta/llama-3:8b', provider: 'openai' }];
    const own = await startParley({ openAi: mock.url, yaml: { models } });
    t.after(() => own.close());
    const path = `/api/v1/models/${encodeURIComponent('meta/llama-3:8b')}`;
    const { status, body } = await read<Model>(send(`${own.url}${path}`, 'GET'));
    assert.equal(status, 200);
    assertShape(body, examples.models[0], ['.cost_per_token', '.context_length']);
    assert.equal(body.id, 'meta/llama-3:8b');
  });

  test('an unknown model is 404 NOT_FOUND', async () => {
    const { status, body } = await get<ErrorBody>('/api/v1/models/gpt-99');
    assert.equal(status, 404);
    assertShape(body, { ...examples.error, details: {} });
    assert.equal(body.code, 'NOT_FOUND');
    assert.match(body.error, /gpt-99/);
  });

  describe('pages', () => {
    test('page and limit give the envelope of the document', async () => {
      const all = (await get<Model[]>('/api/v1/models')).body;
      const { body } = await get<Page>('/api/v1/models?page=1&limit=20');
      assertShape(body, examples.page, ['.data[].cost_per_token', '.data[].context_length']);
      const pages = Math.ceil(all.length / 20);
      assert.deepEqual(body.pagination, {
        page: 1,
        limit: 20,
        total: all.length,
        pages,
        has_next: true,
        has_prev: false,
      });
      assert.deepEqual(body.data, all.slice(0, 20));
    });

    test('all pages together are the whole list', async () => {
      const all = (await get<Model[]>('/api/v1/models')).body;
      const seen: Model[] = [];
      for (let page = 1; ; page++) {
        const { body } = await get<Page>(`/api/v1/models?page=${page}&limit=7`);
        seen.push(...body.data);
        assert.equal(body.pagination.has_prev, page > 1);
        if (!body.pagination.has_next) break;
      }
      assert.deepEqual(seen, all);
    });

    test('page alone, and limit alone', async () => {
      assert.equal((await get<Page>('/api/v1/models?page=2')).body.pagination.limit, 20);
      assert.equal((await get<Page>('/api/v1/models?limit=1')).body.data.length, 1);
    });

    test('a page past the end is empty', async () => {
      const { status, body } = await get<Page>('/api/v1/models?page=1000&limit=20');
      assert.equal(status, 200);
      assert.deepEqual(body.data, []);
      assert.deepEqual([body.pagination.has_next, body.pagination.has_prev], [false, true]);
    });

    test('sort and order', async () => {
      const ids = async (query: string) =>
        (await get<Page>(`/api/v1/models?limit=100&${query}`)).body.data.map(({ id }) => id);
      const sorted = await ids('sort=id&order=asc');
      assert.deepEqual(sorted, sorted.toSorted());
      assert.deepEqual(await ids('sort=id&order=desc'), sorted.toReversed());

      const lengths = (await get<Page>('/api/v1/models?limit=100&sort=context_length&order=desc')).body.data
        .map((model) => model.context_length)
        .filter((length) => length !== null);
      assert.deepEqual(
        lengths,
        lengths.toSorted((a, b) => b - a),
      );
    });

    test("the document's own query works", async () => {
      const { status, body } = await get<Page>('/api/v1/models?page=1&limit=20&sort=created_at&order=desc');
      assert.equal(status, 200);
      assert.equal(body.data.length, 20);
    });

    test('an unpaged list can be sorted too', async () => {
      const { body } = await get<Model[]>('/api/v1/models?sort=id');
      const ids = body.map(({ id }) => id);
      assert.deepEqual(ids, ids.toSorted());
    });

    for (const [query, field] of [
      ['page=0', 'page'],
      ['page=-1', 'page'],
      ['page=1.5', 'page'],
      ['page=', 'page'],
      ['page=abc', 'page'],
      ['limit=0', 'limit'],
      ['limit=abc', 'limit'],
      ['limit=101', 'limit'],
      ['limit=20&limit=30', 'limit'],
      ['sort=colour', 'sort'],
      ['order=up', 'order'],
    ] as const) {
      test(`${query} is 400 with the field named`, async () => {
        const { status, body } = await get<ErrorBody>(`/api/v1/models?${query}`);
        assert.equal(status, 400);
        assertShape(body, examples.error);
        assert.equal(body.code, 'INVALID_REQUEST');
        assert.equal(body.details?.field, field);
      });
    }
  });
});
