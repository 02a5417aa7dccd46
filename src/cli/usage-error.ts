/** A command line that cannot be understood. `message` is one line that says what is allowed. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
