import assert from 'node:assert/strict';

/** The `data:` lines of an SSE response as they come, parsed; comments are left out. Fails on any other line. */
export async function* readEvents<T = Record<string, unknown>>(response: Response): AsyncGenerator<T> {
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  assert.ok(response.body !== null);
  let rest = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + piece).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      if (block.startsWith(':')) continue;
      assert.match(block, /^data: [^\n]+$/);
      yield JSON.parse(block.slice(6)) as T;
    }
  }
  assert.equal(rest, '', 'the stream ends with a whole frame');
}

/** All events of an SSE response. */
export async function allEvents<T = Record<string, unknown>>(response: Response): Promise<T[]> {
  return Array.fromAsync(readEvents<T>(response));
}
