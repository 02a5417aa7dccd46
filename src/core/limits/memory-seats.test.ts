import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMemorySeats, createNoSeats } from './memory-seats.ts';
import { seatsSuite, takeAll } from './seats.suite.ts';

seatsSuite('memory', () => Promise.resolve(createMemorySeats()));

describe('no seats', () => {
  it('are there for everybody', async () => {
    const seats = await takeAll(createNoSeats(), 50, 1);
    assert.equal(seats.length, 50);
    for (const seat of seats) seat.release();
  });
});
