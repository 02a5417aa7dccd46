import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Seat, Seats } from './seats.ts';

/** What all seats must do; `prepare` gives each test some of its own, with none taken. */
export function seatsSuite(
  kind: string,
  prepare: (test: TestContext) => Promise<Seats>,
  options: { skip?: string | false } = {},
): void {
  describe(`seats in ${kind}`, options, () => {
    it('are taken until there are no more, and again when one is given back', async (t) => {
      const seats = await prepare(t);
      const [first, second] = [await seats.take('door', 'a', 2), await seats.take('door', 'a', 2)];
      assert.ok(first !== null && second !== null);
      assert.equal(await seats.take('door', 'a', 2), null);
      first.release();
      assert.ok((await seats.take('door', 'a', 2)) !== null);
      assert.equal(await seats.take('door', 'a', 2), null);
    });

    it('are given back once, however often that is said', async (t) => {
      const seats = await prepare(t);
      const [first, second] = await takeAll(seats, 2, 2);
      first?.release();
      first?.release();
      first?.release();
      assert.ok((await seats.take('door', 'a', 2)) !== null);
      assert.equal(await seats.take('door', 'a', 2), null);
      second?.release();
      first?.release();
      assert.ok((await seats.take('door', 'a', 2)) !== null);
      assert.equal(await seats.take('door', 'a', 2), null);
    });

    it('are each subject’s at each door', async (t) => {
      const seats = await prepare(t);
      await takeAll(seats, 2, 2);
      for (const [door, subject] of [
        ['door', 'b'],
        ['window', 'a'],
        ['door:a', ''],
        ['', 'door:a'],
        ['door', 'ü😀 \r\n'],
      ] as const) {
        assert.ok((await seats.take(door, subject, 1)) !== null, `${door} ${subject}`);
        assert.equal(await seats.take(door, subject, 1), null);
      }
    });

    it('are counted the same for whoever asks for more or fewer', async (t) => {
      const seats = await prepare(t);
      await takeAll(seats, 3, 3);
      assert.equal(await seats.take('door', 'a', 2), null);
      assert.ok((await seats.take('door', 'a', 4)) !== null);
      assert.equal(await seats.take('door', 'a', 0), null);
    });

    it('may be endless', async (t) => {
      const seats = await prepare(t);
      assert.ok((await seats.take('door', 'a', Number.POSITIVE_INFINITY)) !== null);
      assert.ok((await seats.take('door', 'a', Number.MAX_SAFE_INTEGER)) !== null);
    });

    it('are exact where many take at once', async (t) => {
      const seats = await prepare(t);
      const asked = await Promise.all(Array.from({ length: 200 }, () => seats.take('door', 'a', 50)));
      assert.equal(asked.filter((seat) => seat !== null).length, 50);
    });
  });
}

/** Takes so many in turn; those that there were. */
export async function takeAll(seats: Seats, times: number, most: number, subject = 'a'): Promise<Seat[]> {
  const taken: Seat[] = [];
  for (let i = 0; i < times; i++) {
    const seat = await seats.take('door', subject, most);
    if (seat !== null) taken.push(seat);
  }
  return taken;
}
