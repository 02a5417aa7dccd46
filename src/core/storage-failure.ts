/** What a failure of the store says of itself. */
export interface StorageFailure {
  code: unknown;
  /** The unique key that was taken. */
  constraint: string | undefined;
}

/** The failure of the store that `thrown` is, if it is one. Known by its name: core imports only types of storage. */
export function storageFailureOf(thrown: unknown): StorageFailure | undefined {
  const { name, code, constraint } = (thrown ?? {}) as Record<'name' | 'code' | 'constraint', unknown>;
  if (name !== 'StorageError') return undefined;
  return { code, constraint: typeof constraint === 'string' ? constraint : undefined };
}

/** What clients are told of a write that failed: whether the store is away, or could not do it. */
export function storageCodeOf(thrown: unknown): 'storage_unavailable' | 'storage_failed' {
  return storageFailureOf(thrown)?.code === 'unavailable' ? 'storage_unavailable' : 'storage_failed';
}

/** Whether the store found things other than they were read: nothing was stored, and they are to be read again. */
export function isRefused(thrown: unknown): boolean {
  const failure = storageFailureOf(thrown);
  return failure?.code === 'conflict' && failure.constraint === undefined;
}
