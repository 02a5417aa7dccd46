import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMemorySignals, type Signal } from './signals.ts';

const typing = (conversationId: number): Signal => ({
  type: 'typing',
  conversationId,
  from: { kind: 'customer' },
  isTyping: true,
});

describe('signals in memory', () => {
  it('reach those who listen to their conversation, and those who listen to all, until they stop', () => {
    const errors: unknown[] = [];
    const signals = createMemorySignals({ onError: (thrown) => void errors.push(thrown) });
    const heard: string[] = [];
    signals.subscribe('everyone', () => {
      throw new Error('no');
    });
    const listen = (name: string) => (signal: Signal) => void heard.push(`${name} ${signal.conversationId}`);
    const stopAll = signals.subscribe('everyone', listen('all'));
    const stopOne = signals.subscribe({ conversationId: 1 }, listen('one'));
    signals.subscribe({ conversationId: 2 }, listen('two'));
    signals.send(typing(1));
    stopOne();
    stopOne();
    signals.send(typing(1));
    stopAll();
    signals.send(typing(2));
    signals.send(typing(3));
    assert.deepEqual(heard, ['all 1', 'one 1', 'all 1', 'two 2']);
    assert.equal(errors.length, 4);
  });
});
