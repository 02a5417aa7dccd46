import { createMemoryBus } from './bus.ts';
import { busSuite } from './bus.suite.ts';

busSuite('in memory', 'alone', () => {
  const errors: unknown[] = [];
  return Promise.resolve({ bus: createMemoryBus({ onError: (thrown) => errors.push(thrown) }), errors });
});
