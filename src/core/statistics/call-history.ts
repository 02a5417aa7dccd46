import type { ApiCall, ApiCalls } from '../../storage/api-calls.ts';
import type { Page } from '../../storage/conversations.ts';
import { ParleyError } from '../errors.ts';
import { ownerOf, type Caller } from '../identity/caller.ts';
import { checkDays } from './days.ts';

export type { ApiCall } from '../../storage/api-calls.ts';

/** Which calls; every field narrows. */
export interface CallFilter {
  /** The model that answered, under the id or alias that calls show. */
  model?: string | undefined;
  /** First and last day, `YYYY-MM-DD` in the server's time zone, both included. */
  fromDay?: string | undefined;
  toDay?: string | undefined;
}

/** What calls took and cost together. */
export interface CallSums {
  promptTokens: number;
  completionTokens: number;
  /** One entry for each currency that something was paid in; `nano` is 10⁻⁹ of its unit. */
  costs: { currency: string; nano: number }[];
}

export interface CallPage {
  calls: ApiCall[];
  /** How many match the filter and are listed: calls are kept for as long as the operator wants. */
  total: number;
  /** Of all that match, also of those that are kept no longer. */
  sums: CallSums;
}

/** The calls to models that somebody made, through any contract. Calls made with an API key are the key's. */
export interface CallHistory {
  /**
   * The caller's own, newest first; a page past the end is empty. Throws `invalid_request` for what is no day and for an end before the
   * start, and `forbidden` for who is nobody.
   */
  list(caller: Caller, filter: CallFilter, page: Page): Promise<CallPage>;
}

export function createCallHistory({ calls }: { calls: Pick<ApiCalls, 'page'> }): CallHistory {
  return {
    async list(caller, filter, page) {
      // Nobody has calls: all who are nobody would see each other's.
      if (caller.kind === 'anonymous') throw new ParleyError('forbidden', 'Log in to see your calls.');
      checkDays(filter);
      const { calls: shown, total, ...sums } = await calls.page({ ...filter, owner: ownerOf(caller) }, page);
      return { calls: shown, total, sums };
    },
  };
}
