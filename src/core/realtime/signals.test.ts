import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMemoryBus } from './bus.ts';
import { createBusLine } from './bus.fixture.ts';
import { createSignals, type Signal } from './signals.ts';

const typing = (conversationId: number): Signal => ({
  type: 'typing',
  conversationId,
  from: { kind: 'customer' },
  isTyping: true,
});

describe('signals', () => {
  it('reach those who listen to their conversation, and those who listen to all, until they stop', () => {
    const errors: unknown[] = [];
    const onError = (thrown: unknown) => void errors.push(thrown);
    const signals = createSignals({ bus: createMemoryBus({ onError }), onError });
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

  it('reach those who are connected to other nodes, once each', async () => {
    const line = createBusLine();
    const open = () => createSignals({ bus: line.join(), onError: () => assert.fail() });
    const [here, there] = [open(), open()];
    const heard: [string, Signal][] = [];
    here.subscribe('everyone', (signal) => void heard.push(['here', signal]));
    there.subscribe('everyone', (signal) => void heard.push(['there', signal]));
    there.subscribe({ conversationId: 2 }, (signal) => void heard.push(['two', signal]));
    const signal: Signal = { ...typing(2), from: { kind: 'agent', id: 5, name: 'Ann' }, isTyping: false };
    here.send(signal);
    await line.arrived();
    assert.deepEqual(heard, [
      ['here', signal],
      ['there', signal],
      ['two', signal],
    ]);
  });
});
