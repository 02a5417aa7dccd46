import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createBusLine } from '../realtime/bus.fixture.ts';
import { createMemoryBus, type Bus } from '../realtime/bus.ts';
import { createRouterBench, createScriptedProvider } from './bench.fixture.ts';
import { createDiscovery } from './discovery.ts';
import type { Provider } from './provider.ts';

const fiveMinutes = 5 * 60_000;
const turn = () => new Promise((resolve) => setImmediate(resolve));

const alone = () => createMemoryBus({ onError: (thrown) => assert.fail(String(thrown)) });

function createTested(
  lists: Record<string, Provider['listModels'] | undefined>,
  names = Object.keys(lists),
  bus: Bus = alone(),
) {
  const providers = Object.entries(lists).map(([name, listModels]) =>
    createScriptedProvider(name, listModels && { listModels }),
  );
  const { catalogue, parts, log } = createRouterBench({ providers });
  return { catalogue, log, discovery: createDiscovery({ catalogue, slots: parts.slots, bus, names, log }) };
}

describe('discovery', () => {
  it('asks at the start and every five minutes until it is stopped', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const answers = [['m-1'], ['m-1', 'm-2'], ['m-3']];
    let asked = 0;
    const { catalogue, discovery } = createTested({ acme: () => Promise.resolve(answers[asked++] ?? []) });
    void discovery.start();
    await turn();
    assert.equal(catalogue.get('m-1')?.provider, 'acme');
    t.mock.timers.tick(fiveMinutes - 1);
    assert.equal(asked, 1);
    t.mock.timers.tick(1);
    await turn();
    assert.deepEqual([asked, catalogue.get('m-2')?.id], [2, 'm-2']);
    discovery.stop();
    t.mock.timers.tick(3 * fiveMinutes);
    await turn();
    assert.equal(asked, 2);
  });

  it('asks those it is told to, and those that keep a list', async () => {
    let asked = 0;
    const list = () => Promise.resolve([`m-${++asked}`]);
    const { discovery, log } = createTested({ acme: list, bolt: list, mute: undefined }, [
      'acme',
      'mute',
      'gone',
    ]);
    void discovery.start();
    discovery.stop();
    await turn();
    assert.deepEqual([asked, log.lines], [1, []]);
  });

  it('keeps what it knew when a provider does not say, and goes on asking', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const steps = [() => ['m-1'], () => assert.fail('down'), () => ['m-2']];
    const { catalogue, discovery, log } = createTested({
      acme: async () => (await Promise.resolve(steps.shift()))?.() ?? [],
      bolt: () => Promise.resolve(['b-1']),
    });
    void discovery.start();
    await turn();
    t.mock.timers.tick(fiveMinutes);
    await turn();
    assert.deepEqual([catalogue.get('m-1')?.id, catalogue.get('b-1')?.id], ['m-1', 'b-1']);
    assert.deepEqual(
      log.lines.map(({ level, facts }) => [level, facts['provider']]),
      [['warn', 'acme']],
    );
    t.mock.timers.tick(fiveMinutes);
    await turn();
    assert.deepEqual([catalogue.get('m-1'), catalogue.get('m-2')?.id], [undefined, 'm-2']);
    discovery.stop();
  });

  it('tells the other nodes, also those that the provider does not answer', async () => {
    const line = createBusLine();
    const down = () => Promise.reject(new Error('down'));
    const here = createTested({ acme: () => Promise.resolve(['m-1']) }, ['acme'], line.join());
    const there = createTested({ acme: down }, ['acme'], line.join());
    const elsewhere = createTested({ bolt: down }, ['bolt'], line.join());
    for (const { discovery } of [there, elsewhere, here]) void discovery.start();
    await line.arrived();
    assert.deepEqual(
      [here, there, elsewhere].map(({ catalogue }) => catalogue.get('m-1')?.id),
      ['m-1', 'm-1', undefined],
    );
    for (const { discovery } of [here, there, elsewhere]) discovery.stop();
  });

  it('gives each question a time limit', async () => {
    let limit: AbortSignal | undefined;
    const { discovery } = createTested({
      acme(signal) {
        limit = signal;
        return Promise.resolve([]);
      },
    });
    void discovery.start();
    discovery.stop();
    await turn();
    assert.ok(limit instanceof AbortSignal && !limit.aborted);
  });
});
