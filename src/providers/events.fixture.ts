import type { ProviderEvent } from '../core/completions/provider.ts';

/** A provider's events one by one. */
export async function* singly(groups: AsyncIterable<ProviderEvent[]>): AsyncGenerator<ProviderEvent, void> {
  for await (const group of groups) yield* group;
}
