const bucketsPerMs = 100;
const bucketCount = 1_000_000;

/** Durations in buckets of 10 µs up to 10 s; longer ones land in the last bucket. */
export interface Histogram {
  /** Adds one duration in milliseconds. */
  add(ms: number): void;
  /** The duration in milliseconds below which `share` (0–1) of all lie; 0 when there are none. */
  quantile(share: number): number;
}

/** An empty histogram. */
export function createHistogram(): Histogram {
  const buckets = new Uint32Array(bucketCount);
  let count = 0;
  return {
    add(ms) {
      const bucket = (ms * bucketsPerMs) | 0;
      buckets[bucket < bucketCount ? bucket : bucketCount - 1]!++;
      count++;
    },
    quantile(share) {
      if (count === 0) return 0;
      let left = Math.ceil(count * share);
      for (let bucket = 0; bucket < bucketCount; bucket++) {
        left -= buckets[bucket]!;
        if (left <= 0) return (bucket + 0.5) / bucketsPerMs;
      }
      return bucketCount / bucketsPerMs;
    },
  };
}
