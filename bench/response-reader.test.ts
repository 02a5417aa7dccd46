import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from './questions.ts';
import { ResponseReader } from './response-reader.ts';

const wire = Buffer.from(
  [
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
    'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: a\n\n\r\nB;x=1\r\ndata: bcd\n\n\r\n0\r\n\r\n',
    // A separator split over two chunks, and a trailer.
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ndata: a\n\r\n1\r\n\n\r\n0\r\nserver-timing: x\r\n\r\n',
    'HTTP/1.1 500 Oops\r\ncontent-length: 2\r\n\r\nno',
  ].join(''),
);
const expected = [
  [200, 5, 0],
  [404, 0, 0],
  [200, 20, 2],
  [200, 9, 1],
  [500, 2, 0],
];

function read(chunks: readonly Buffer[]): number[][] {
  const seen: number[][] = [];
  const reader = new ResponseReader({
    onFirstByte() {},
    onEnd: (...response) => seen.push(response),
    onBroken: (why) => assert.fail(why),
  });
  for (const chunk of chunks) reader.feed(chunk);
  assert.ok(reader.idle);
  return seen;
}

test('responses read in one piece', () => {
  assert.deepEqual(read([wire]), expected);
});

test('responses read byte by byte, and cut anywhere', () => {
  assert.deepEqual(read([...wire].map((byte) => Buffer.from([byte]))), expected);
  const random = seededRandom(7);
  for (let run = 0; run < 500; run++) {
    const cuts = Array.from({ length: 6 }, () => Math.floor(random() * wire.length)).toSorted(
      (a, b) => a - b,
    );
    const chunks = [0, ...cuts].map((from, index) => wire.subarray(from, cuts[index] ?? wire.length));
    assert.deepEqual(read(chunks), expected, `cuts at ${cuts.join(', ')}`);
  }
});

test('a response without a length is reported, not guessed', () => {
  const broken: string[] = [];
  const reader = new ResponseReader({
    onFirstByte() {},
    onEnd: () => assert.fail(),
    onBroken: (why) => broken.push(why),
  });
  reader.feed(Buffer.from('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello'));
  assert.equal(broken.length, 1);
});
