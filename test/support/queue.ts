/** Values in the order they come, for one who waits for each. */
export interface Queue<T> {
  push(value: T): void;
  /** From now on `next` rejects once the queue is empty. */
  end(reason: Error): void;
  next(): Promise<T>;
  /** What has come and was not yet asked for. */
  readonly waiting: number;
}

export function createQueue<T>(): Queue<T> {
  const values: T[] = [];
  const takers: { resolve: (value: T) => void; reject: (reason: Error) => void }[] = [];
  let ended: Error | undefined;
  return {
    push(value) {
      const taker = takers.shift();
      if (taker === undefined) values.push(value);
      else taker.resolve(value);
    },
    end(reason) {
      ended = reason;
      for (const taker of takers.splice(0)) taker.reject(reason);
    },
    next() {
      if (values.length > 0) return Promise.resolve(values.shift() as T);
      if (ended !== undefined) return Promise.reject(ended);
      return new Promise((resolve, reject) => takers.push({ resolve, reject }));
    },
    get waiting() {
      return values.length;
    },
  };
}
