import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { queryUnits, segment } from './segment.ts';

const terms = (text: string) => queryUnits(text).map((unit) => unit.term);

test('words are lower-cased and normalised', () => {
  assert.deepEqual(segment('Hello, WORLD! Hello 42'), ['hello', 'world', 'hello', '42']);
});

test('names with underscores are found whole and in parts', () => {
  assert.deepEqual(segment('PARLEY_DATA_DIR'), ['parley_data_dir', 'parley', 'data', 'dir']);
  assert.deepEqual(queryUnits('PARLEY_DATA_DIR')[0]?.parts, ['parley', 'data', 'dir']);
});

test('singular, plural and verb forms share a term', () => {
  for (const group of [
    ['cache', 'caches', 'cached', 'caching'],
    ['key', 'keys'],
    ['query', 'queries'],
    ['box', 'boxes'],
    ['limit', 'limits', 'limited', 'limiting'],
    ['plan', 'plans', 'planned', 'planning'],
  ]) {
    assert.equal(new Set(group.flatMap(segment)).size, 1, group.join());
  }
  assert.deepEqual(segment('status class redis'), ['status', 'class', 'redis']);
});

test('Chinese is indexed by words and by neighbouring characters, beside Latin words', () => {
  const found = segment('Parley支持数据库,API密钥');
  for (const term of ['parley', '支持', '数据', '据库', 'api', '密钥']) assert.ok(found.includes(term), term);
  assert.ok(!found.includes('钥支'), 'no pair across punctuation');
});

test('a question is reduced to what it is about', () => {
  assert.deepEqual(terms('How do I clear the cache, please?'), ['clear', 'cach']);
  assert.deepEqual(terms('请问缓存多久过期?'), ['缓存', '过期']);
  assert.deepEqual(terms('how?'), []);
  assert.deepEqual(terms('那怎么使用呢'), []);
  assert.deepEqual(terms('what does it use'), []);
});

test('verbs that fit anything count less than nouns', () => {
  const [change, port] = queryUnits('change port');
  assert.ok(change!.weight < port!.weight);
});

test('repeats and very long questions are bounded', () => {
  assert.deepEqual(terms('cache cache CACHE'), ['cach']);
  assert.equal(queryUnits(Array.from({ length: 500 }, (_, index) => `word${index}`).join(' ')).length, 40);
});

test('any text can be segmented', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      for (const term of segment(text)) assert.notEqual(term, '');
      for (const unit of queryUnits(text)) assert.ok(unit.weight > 0 && unit.term !== '');
    }),
  );
});
