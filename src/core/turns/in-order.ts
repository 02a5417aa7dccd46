/** Runs pieces of work with the same key one after the other, in the order of the calls. */
export interface InOrder<Key> {
  run<T>(key: Key, work: () => Promise<T>): Promise<T>;
}

export function createInOrder<Key>(): InOrder<Key> {
  const last = new Map<Key, Promise<unknown>>();
  return {
    async run(key, work) {
      const mine = (last.get(key) ?? Promise.resolve()).then(work, work);
      last.set(key, mine);
      try {
        return await mine;
      } finally {
        if (last.get(key) === mine) last.delete(key);
      }
    },
  };
}
