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
