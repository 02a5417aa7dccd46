import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createKnowledge } from './knowledge.ts';
import type { KnowledgeDocument } from './knowledge.ts';

const shop: KnowledgeDocument[] = [
  {
    name: 'shop.md',
    text:
      '# Shop\n\n## Opening hours\n\nThe shop is open from nine to five.\n\n## Returns\n\nReturn goods within 30 days for a refund.\n\n' +
      '## Price of delivery\n\nDelivery costs 5 euros; the shop delivers everywhere.\n',
  },
  {
    name: 'shop.zh.md',
    text: '# 商店\n\n## 营业时间\n\n每天九点到五点营业。\n\n## 退货政策\n\n30 天内可以退货退款。\n',
  },
];

function shopKnowledge() {
  const knowledge = createKnowledge();
  knowledge.replace(shop);
  return knowledge;
}

test('an empty knowledge base finds nothing', () => {
  assert.deepEqual(createKnowledge().search('anything', 3), []);
});

test('finds the section that a question is about', () => {
  const knowledge = shopKnowledge();
  for (const [question, title] of [
    ['When are you opening?', 'Shop › Opening hours'],
    ['can I get a refund', 'Shop › Returns'],
    ['how much does delivery cost?', 'Shop › Price of delivery'],
    ['营业时间是什么时候?', '商店 › 营业时间'],
    ['怎么退货', '商店 › 退货政策'],
    ['退款', '商店 › 退货政策'],
  ] as const) {
    const best = knowledge.search(question, 3)[0];
    assert.equal(best?.passage.title, title, question);
    assert.ok(best.coverage >= 0.6 && best.coverage <= 1, `${question} ${best.coverage}`);
  }
});

test('a typing error or a longer word is forgiven', () => {
  const knowledge = shopKnowledge();
  assert.equal(knowledge.search('delivry', 1)[0]?.passage.title, 'Shop › Price of delivery');
  assert.equal(knowledge.search('deliver', 1)[0]?.passage.title, 'Shop › Price of delivery');
  assert.deepEqual(knowledge.search('rice', 1), [], 'rice is not price');
});

test('coverage falls with every term that the passage lacks', () => {
  const knowledge = shopKnowledge();
  const full = knowledge.search('refund goods', 1)[0]!.coverage;
  const part = knowledge.search('refund goods elephants', 1)[0]!.coverage;
  const little = knowledge.search('refund elephants giraffes lions', 1)[0]!.coverage;
  assert.equal(full, 1);
  assert.ok(full > part && part > little && little > 0, `${full} ${part} ${little}`);
});

test('results are ranked, bounded, and between 0 and 1', () => {
  const found = shopKnowledge().search('shop refund', 2);
  assert.equal(found.length, 2);
  assert.ok(found[0]!.score >= found[1]!.score);
  for (const { score, coverage } of found) assert.ok(score > 0 && score <= coverage && coverage <= 1);
});

test('replace forgets what was there', () => {
  const knowledge = shopKnowledge();
  knowledge.replace([{ name: 'new.md', text: 'Elephants.' }]);
  assert.deepEqual(knowledge.search('refund', 3), []);
  assert.equal(knowledge.search('elephant', 3).length, 1);
});

test('the revision tells the documents, not their order', () => {
  const knowledge = shopKnowledge();
  const before = knowledge.revision();
  knowledge.replace([...shop].reverse());
  assert.equal(knowledge.revision(), before);
  knowledge.replace([shop[0]!, { ...shop[1]!, text: `${shop[1]!.text}.` }]);
  assert.notEqual(knowledge.revision(), before);
  assert.match(before, /^[0-9a-f]{16}$/);
});

test('informativeTerms counts what a text is about', () => {
  const knowledge = createKnowledge();
  assert.equal(knowledge.informativeTerms('and how?'), 0);
  assert.equal(knowledge.informativeTerms('and the refund?'), 1);
});

test('names of object properties are ordinary terms', () => {
  const knowledge = shopKnowledge();
  for (const term of ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'prototype']) {
    assert.deepEqual(knowledge.search(term, 3), [], term);
  }
  knowledge.replace([{ name: 'js.md', text: '__proto__ and constructor' }]);
  assert.equal(knowledge.search('__proto__', 3)[0]?.coverage, 1);
  assert.equal(knowledge.search('constructor', 3)[0]?.coverage, 1);
});

test('any query gives an ordinary result', () => {
  const knowledge = shopKnowledge();
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (query) => {
      for (const { score } of knowledge.search(`shop ${query}`, 3)) assert.ok(score >= 0 && score <= 1);
    }),
  );
});

test('a search over 1,000 passages takes about a millisecond', () => {
  const knowledge = createKnowledge();
  const nouns =
    'cache provider model session socket limit key token price node folder secret answer stream message'.split(
      ' ',
    );
  const section = (n: number) =>
    `## Topic ${n}\n\n${Array.from({ length: 40 }, (_, i) => nouns[(n * (i + 3) + i) % nouns.length]).join(' ')} 缓存和模型 item${n}`;
  knowledge.replace([
    { name: 'big.md', text: Array.from({ length: 1_000 }, (_, n) => section(n)).join('\n\n') },
  ]);
  const times = Array.from({ length: 60 }, (_, n) => {
    const before = performance.now();
    assert.ok(knowledge.search(`How is the cache of item${n} limited? 缓存`, 3).length > 0);
    return performance.now() - before;
  }).sort((a, b) => a - b);
  assert.ok(times[30]! < 10, `median ${times[30]!.toFixed(2)} ms`);
});
