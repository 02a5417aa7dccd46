import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { StaffCaller } from '../identity/caller.ts';
import { openPostgresStorage } from '../../storage/postgres-storage.ts';
import { emptySchema, withoutPostgres } from '../../storage/real-postgres.fixture.ts';
import type { Storage } from '../../storage/storage.ts';
import { createTurnsBench, mina, otto, question } from '../turns/turns.fixture.ts';
import { createSearch } from './search.ts';

const agent: StaffCaller = { ...mina, userId: 1, contract: 'helpdesk', role: 'agent' };
const page = { skip: 0, limit: 10 };

async function createTestedOver(t: TestContext, store: Storage | undefined) {
  const tested = await createTurnsBench(t, {}, store && { storage: store });
  const { messageSearch: rows } = tested.storage;
  const { runtime } = tested.bench;
  const search = createSearch({ ...tested.storage, rows, runtime });
  const exchange = async (text: string, answer: string, caller = mina) => {
    const asked = await tested.turns.ask(caller, question(text));
    const speaker = await tested.speakers.next();
    speaker.say(answer);
    speaker.finish();
    assert.ok(asked.turnId !== null);
    await tested.turns.result(caller, asked.turnId, new AbortController().signal);
    return asked.conversationId;
  };
  return { ...tested, search, exchange };
}

async function openPostgres(t: TestContext): Promise<Storage> {
  const storage = await openPostgresStorage({ url: await emptySchema(t) });
  t.after(() => storage.close());
  return storage;
}

describe('the search over everything that was said', () => searchTests());
describe('the search on PostgreSQL', { skip: withoutPostgres }, () => searchTests(openPostgres));

function searchTests(open?: (t: TestContext) => Promise<Storage>): void {
  const createTested = async (t: TestContext) => createTestedOver(t, await open?.(t));

  it('finds what was said a moment ago, in anybody’s conversation, with the message and a snippet', async (t) => {
    const { search, exchange } = await createTested(t);
    const mine = await exchange('Where is my refund?', 'I do not know.');
    const other = await exchange('退款什么时候到？', 'Your refund comes tomorrow.', otto);
    const { results, total, complete } = await search.find(agent, 'REFUND', page);
    assert.deepEqual(
      results.map(({ conversation, message, snippet }) => [conversation.id, message.senderType, snippet]),
      [
        [other, 'ai', { text: 'Your refund comes tomorrow.', ranges: [[5, 6]] }],
        [mine, 'user', { text: 'Where is my refund?', ranges: [[12, 6]] }],
      ],
    );
    assert.deepEqual([total, complete], [2, true]);
    const chinese = await search.find(agent, '退款', page);
    assert.deepEqual(chinese.results[0]?.snippet, { text: '退款什么时候到？', ranges: [[0, 2]] });
    assert.deepEqual(await search.find(agent, '?!', page), { results: [], total: 0, complete: true });
    const second = await search.find(agent, 'refund', { skip: 1, limit: 1 });
    assert.deepEqual([second.results[0]?.conversation.id, second.total], [mine, 2]);
  });

  it('finds nothing of a conversation that was removed', async (t) => {
    const { search, exchange, conversations } = await createTested(t);
    const id = await exchange('Where is my refund?', 'Here.');
    assert.equal((await search.find(agent, 'refund', page)).total, 1);
    await conversations.remove(mina, id);
    assert.deepEqual((await search.find(agent, 'refund', page)).results, []);
  });

  it('keeps its indexes up to date without being asked, and those who search at once find the same', async (t) => {
    const { search, exchange, storage } = await createTested(t);
    await exchange('One word', 'Another.');
    await search.tend();
    assert.equal((await storage.messageSearch.find('word', page)).total, 1);
    assert.equal(await storage.customers.index(), false);
    await exchange('One more word', 'Another.');
    const found = await Promise.all([1, 2, 3].map(() => search.find(agent, 'word', page)));
    assert.deepEqual(
      found.map(({ total }) => total),
      [2, 2, 2],
    );
  });

  it('leaves the rest for the next start once it is stopped', async (t) => {
    const { search, exchange, storage } = await createTested(t);
    await exchange('One word', 'Another.');
    search.stop();
    await search.tend();
    assert.equal((await storage.messageSearch.find('word', page)).total, 0);
    assert.equal((await search.find(agent, 'word', page)).total, 1, 'but what is asked for is found');
  });

  it('ends while more and more is said, with what was said before it began', async (t) => {
    const { storage, bench, exchange } = await createTested(t);
    const id = await exchange('The first word', 'Another.');
    const { messageSearch, notes } = storage;
    let said = 0;
    const search = createSearch({
      ...storage,
      rows: {
        ...messageSearch,
        async follow(upTo) {
          assert.ok(++said < 20, 'it goes on for as long as something is said');
          const note = {
            id: await notes.nextId(),
            conversationId: id,
            authorId: 1,
            content: 'More.',
            at: said,
          };
          await notes.add(note);
          return messageSearch.follow(upTo);
        },
      },
      runtime: bench.runtime,
    });
    assert.equal((await search.find(agent, 'word', page)).total, 1);
    await search.tend();
  });

  it('fails where the store does, and works again when that does', async (t) => {
    const { storage, bench } = await createTested(t);
    const { messageSearch } = storage;
    let broken = true;
    const search = createSearch({
      ...storage,
      rows: {
        ...messageSearch,
        follow: (upTo) => (broken ? Promise.reject(new Error('no disk')) : messageSearch.follow(upTo)),
      },
      runtime: bench.runtime,
    });
    await assert.rejects(search.find(agent, 'word', page), /no disk/);
    broken = false;
    assert.equal((await search.find(agent, 'word', page)).total, 0);
  });
}
