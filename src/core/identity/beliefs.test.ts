import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createBusLine } from '../realtime/bus.fixture.ts';
import { createFakeRuntime } from '../runtime.fixture.ts';
import { createBeliefs } from './beliefs.ts';

function createTested() {
  const line = createBusLine();
  const runtime = createFakeRuntime();
  const store = { said: 'yes', told: Promise.resolve() };
  const open = () => {
    const bus = line.join();
    const beliefs = createBeliefs<string, { said: string }>({ topic: 'it', bus, lastMs: 1_000, runtime });
    const ask = async () => {
      const { said } = store;
      await store.told;
      return said === '' ? undefined : { said };
    };
    return { bus, ...beliefs, said: async () => (await beliefs.of('it', ask))?.said };
  };
  return { line, runtime, store, open };
}

describe('beliefs', () => {
  it('last a second, and what there is not is not believed', async () => {
    const { runtime, store, open } = createTested();
    const { said } = open();
    store.said = '';
    assert.equal(await said(), undefined);
    store.said = 'yes';
    assert.equal(await said(), 'yes');
    store.said = 'no';
    runtime.time += 1_000;
    assert.equal(await said(), 'yes');
    runtime.time += 1;
    assert.equal(await said(), 'no');
  });

  it('end on every node when one says so, and where that was missed, when it is known', async () => {
    const { line, store, open } = createTested();
    const [here, there] = [open(), open()];
    let told = 0;
    there.onForgotten(() => told++);
    assert.deepEqual([await here.said(), await there.said()], ['yes', 'yes']);
    store.said = 'no';
    here.forget();
    assert.equal(await here.said(), 'no');
    await line.arrived();
    assert.deepEqual([await there.said(), told], ['no', 1]);
    there.bus.cut();
    store.said = 'perhaps';
    here.forget();
    await line.arrived();
    assert.equal(await there.said(), 'no');
    there.bus.rejoin();
    assert.deepEqual([await there.said(), told], ['perhaps', 2]);
  });

  it('are not what was read before something changed', async () => {
    const { store, open } = createTested();
    const { said, forget } = open();
    const answer = Promise.withResolvers<void>();
    store.told = answer.promise;
    const early = said();
    store.said = 'no';
    forget();
    answer.resolve();
    assert.equal(await early, 'yes');
    assert.equal(await said(), 'no');
  });
});
