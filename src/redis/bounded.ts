/**
 * What `work` resolves to; rejects where it takes longer than `ms`. An answer that has arrived by then counts, also where this process was too
 * busy to read it: the time is judged only after what lies in the sockets was read.
 */
export function bounded<T>(work: Promise<T>, ms: number): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const timer = setTimeout(() => setImmediate(() => reject(new Error(`no answer within ${ms} ms`))), ms);
  const settle = (done: () => void) => {
    clearTimeout(timer);
    done();
  };
  work.then(
    (value) => settle(() => resolve(value)),
    (thrown: unknown) => settle(() => reject(thrown)),
  );
  return promise;
}
