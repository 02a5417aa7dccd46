import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createKnowledge, type Found, type Knowledge, type KnowledgeDocument } from './knowledge.ts';

const words = ['refund', 'delivery', 'parcels', 'open_hours', 'Shop', '退款', '营业时间', '商店', 'the'];
const text = fc
  .array(
    fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...words) }, fc.constantFrom('\n\n# ', '\n\n## ')),
    {
      maxLength: 30,
    },
  )
  .map((parts) => parts.join(' '));
const name = fc.constantFrom('a.md', 'b.md', 'c.md');
const id = fc.integer({ min: 1, max: 4 });
const step = fc.oneof(
  fc.record({ kind: fc.constant('files' as const), files: fc.dictionary(name, text) }),
  fc.record({ kind: fc.constant('put' as const), id, title: fc.constantFrom('Shop', '商店'), text }),
  fc.record({ kind: fc.constant('remove' as const), id }),
);

const article = (number: number, title: string, content: string): KnowledgeDocument => ({
  name: `article/${number}`,
  text: content,
  article: { id: number, title },
});
const shown = (found: Found[]) =>
  found.map(({ passage, place, score, coverage }) => {
    return { passage, place, score: score.toFixed(6), coverage: coverage.toFixed(6) };
  });
const queries = ['refund', 'delivery parcel hours', 'refnud', '退款', '商店营业时间', 'shop 退款'];
const everything = (knowledge: Knowledge) => queries.map((query) => shown(knowledge.search(query, 5)));

test('after any changes the index is as if it had been built of what is there', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.boolean(), async (steps, waiting) => {
      const changed = createKnowledge();
      let files: KnowledgeDocument[] = [];
      const articles = new Map<number, KnowledgeDocument>();
      const work: Promise<void>[] = [];
      for (const one of steps) {
        if (one.kind === 'files') {
          files = Object.entries(one.files).map(([file, content]) => ({ name: file, text: content }));
          changed.replace(files);
        } else if (one.kind === 'put') {
          articles.set(one.id, article(one.id, one.title, one.text));
          work.push(changed.put(articles.get(one.id)!));
        } else {
          articles.delete(one.id);
          work.push(changed.remove(`article/${one.id}`));
        }
        if (waiting) await Promise.all(work);
      }
      await Promise.all(work);
      const built = createKnowledge();
      for (const one of articles.values()) await built.put(one);
      built.replace(files);
      assert.deepEqual(everything(changed), everything(built));
      assert.equal(changed.revision(), built.revision());
    }),
    { numRuns: 150 },
  );
});

test('an article is found by its title, and says where in it', async () => {
  const knowledge = createKnowledge();
  await knowledge.put(article(7, 'Returns', 'Keep the receipt.\n\n## Abroad\n\nNo returns from abroad.'));
  const [best] = knowledge.search('returns from abroad', 1);
  assert.deepEqual(best?.place, { articleId: 7, title: 'Returns', section: 'Abroad' });
  assert.equal(knowledge.search('returns receipt', 1)[0]?.place.section, null);
  knowledge.replace([]);
  assert.equal(knowledge.search('abroad', 3).length, 1, 'files and articles are apart');
});

test('a removed article is gone before the promise resolves, even one that is being put', async () => {
  const knowledge = createKnowledge();
  await knowledge.put(article(1, 'Returns', 'refund '.repeat(2_000)));
  const removed = knowledge.remove('article/1');
  assert.deepEqual(knowledge.search('refund', 3), []);
  await removed;
  const put = knowledge.put(article(1, 'Returns', 'refund delivery. '.repeat(10_000)));
  await knowledge.remove('article/1');
  await put;
  assert.deepEqual(knowledge.search('refund', 3), []);
  assert.equal(knowledge.revision(), createKnowledge().revision());
});

test('the newest of two changes at once counts', async () => {
  const knowledge = createKnowledge();
  const slow = knowledge.put(article(1, 'Returns', 'refund delivery. '.repeat(10_000)));
  await knowledge.put(article(1, 'Returns', 'elephants'));
  await slow;
  assert.deepEqual(knowledge.search('refund', 3), []);
  assert.equal(knowledge.search('elephants', 3).length, 1);
});

test('the longest article lets other work go on, and the earlier one is found until it is there', async () => {
  const knowledge = createKnowledge();
  await knowledge.put(article(1, 'Returns', 'Short refund.'));
  let turns = 0;
  const timer = setInterval(() => {
    turns++;
    if (turns === 1) assert.equal(knowledge.search('refund', 5).length, 1);
  }, 1);
  const sentences = Array.from({ length: 8_000 }, (_, n) => `Refund number ${n} 退款${n}。`).join('\n');
  await knowledge.put(article(1, 'Returns', sentences.slice(0, 200_000)));
  clearInterval(timer);
  assert.ok(turns > 1, `${turns} turns`);
  assert.ok(knowledge.search('refund number 5 退款', 50).length > 10);
});
