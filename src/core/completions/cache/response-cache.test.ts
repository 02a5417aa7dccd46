import { createBusLine } from '../../realtime/bus.fixture.ts';
import { createMemoryBus } from '../../realtime/bus.ts';
import { cacheNodesSuite } from './cache-nodes.suite.ts';
import { responseCacheSuite } from './response-cache.suite.ts';

responseCacheSuite('alone', (_test, count) => {
  const bus = () =>
    createMemoryBus({
      onError(thrown) {
        throw thrown;
      },
    });
  return Promise.resolve(Array.from({ length: count }, bus));
});
responseCacheSuite('joined', (_test, count) => {
  const line = createBusLine();
  return Promise.resolve(Array.from({ length: count }, line.join));
});
cacheNodesSuite('joined in one process', (_test, count) => {
  const line = createBusLine();
  const join = () => {
    const bus = line.join();
    return { bus, cut: bus.cut, rejoin: bus.rejoin };
  };
  return Promise.resolve(Array.from({ length: count }, join));
});
