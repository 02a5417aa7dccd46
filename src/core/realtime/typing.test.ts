import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Signal } from './signals.ts';
import { signalTyping, type Typist } from './typing.ts';

it('typing is passed on four times a second at most, and its end once', () => {
  const sent: [number, boolean][] = [];
  const typist: Typist = { typed: undefined };
  const at = (now: number, isTyping: boolean) => {
    const signals = { send: (signal: Signal) => void sent.push([now, signal.isTyping]) };
    signalTyping(signals, typist, { conversationId: 1, isTyping, now });
  };
  at(5, false);
  for (let time = 10; time < 400; time += 10) at(time, true);
  at(400, false);
  at(401, false);
  at(402, true);
  at(403, false);
  at(600, true);
  assert.deepEqual(sent, [
    [10, true],
    [260, true],
    [400, false],
    [600, true],
  ]);
});
