import type { ApiCalls } from '../../storage/api-calls.ts';
import { ParleyError, type ErrorCode } from '../errors.ts';
import { ownerOf, type Caller } from '../identity/caller.ts';
import type { Log } from '../log.ts';
import { giveUpRow, type BookedCall } from '../money/books.ts';
import type { Reservation } from '../money/ledger.ts';
import type { Runtime } from '../runtime.ts';
import type { DayOf } from '../statistics/calendar.ts';
import { storageCodeOf } from '../storage-failure.ts';
import type { Model } from './catalogue.ts';
import type { CompletionObserver, Outcome } from './observer.ts';
import { costOf } from './prices.ts';
import type { Usage } from './provider.ts';

/** Where a call to a model came from. */
export interface CallOrigin {
  caller: Caller;
  contract: string;
  /** The route's template, such as `/api/v1/chat/completion`. */
  endpoint: string;
  requestId: string;
  requestedModel: string;
  streamed: boolean;
  about?: CallSubject | undefined;
  /** Whether the model was asked to think before it answers, which may cost more. */
  thinks?: boolean | undefined;
  /** What is set aside for the call: given back when its row is stored, or cannot be. */
  reservation?: Reservation | null | undefined;
}

/** What in the store a call is for. */
export interface CallSubject {
  conversationId: number;
  messageId: number | null;
}

/** How it ended. */
export interface CallEnd {
  model: Model;
  outcome: Outcome;
  errorCode: ErrorCode | null;
  usage: Usage;
  durationMs: number;
  firstTokenMs: number | null;
  attempts: number;
}

export interface MeterParts {
  apiCalls: ApiCalls;
  runtime: Pick<Runtime, 'now'>;
  dayOf: DayOf;
  observer: CompletionObserver;
  log: Log;
}

/** Keeps the books: every call to a model ends as exactly one row and in the daily roll-ups. */
export interface Meter {
  /** Resolves once the row is committed; throws what `storageCodeOf` says where it cannot be. */
  settle(origin: CallOrigin, end: CallEnd): Promise<void>;
  /**
   * The same for an answer from the cache, which costs nothing: nobody waits for the row, and a crash within the next
   * milliseconds may lose it.
   */
  note(origin: CallOrigin, end: CallEnd): void;
  /** The row alone, for who stores it together with something else; to be called once for each call. */
  row(origin: CallOrigin, end: CallEnd): BookedCall;
}

export function createMeter({ apiCalls, runtime, dayOf, observer, log }: MeterParts): Meter {
  const rowFor = (origin: CallOrigin, end: CallEnd) => {
    const row = rowOf(origin, end, runtime.now(), dayOf);
    const { model, outcome, usage, durationMs, firstTokenMs } = end;
    const { contract, costNano, currency } = row;
    observer.callSettled({
      contract,
      model: model.id,
      provider: model.provider,
      outcome,
      usage,
      costNano,
      currency,
      durationMs,
      firstTokenMs,
    });
    return row;
  };
  const lost = (err: unknown, call: object) =>
    log.error({ err, call }, 'a call to a model could not be recorded');

  return {
    row: rowFor,
    async settle(origin, end) {
      const row = rowFor(origin, end);
      try {
        await apiCalls.record(row);
      } catch (cause) {
        lost(cause, row);
        giveUpRow(row);
        const text = 'The call could not be recorded, so its answer is withheld. Try again later.';
        throw new ParleyError(storageCodeOf(cause), text, { retryable: true, cause });
      }
    },
    note(origin, end) {
      const row = rowFor(origin, end);
      apiCalls.record(row, { patient: true }).catch((err: unknown) => lost(err, row));
    },
  };
}

/** Cached answers cost nothing; their tokens are recorded so that savings can be told. */
function rowOf(origin: CallOrigin, end: CallEnd, at: number, dayOf: DayOf): BookedCall {
  const { caller, reservation } = origin;
  const cost = end.outcome === 'cache_hit' ? null : costOf(end.model, end.usage, at, origin.thinks);
  return {
    at,
    day: dayOf(at),
    contract: origin.contract,
    endpoint: origin.endpoint,
    owner: ownerOf(caller),
    userId: caller.kind === 'user' ? caller.userId : null,
    apiKeyId: caller.kind === 'key' ? caller.keyId : null,
    conversationId: origin.about?.conversationId ?? null,
    messageId: origin.about?.messageId ?? null,
    requestedModel: origin.requestedModel,
    model: end.model.id,
    provider: end.model.provider,
    outcome: end.outcome,
    statusCode: statusOf(end),
    errorCode: end.errorCode,
    promptTokens: end.usage.promptTokens,
    completionTokens: end.usage.completionTokens,
    cachedPromptTokens: end.usage.cachedPromptTokens ?? 0,
    estimated: end.usage.estimated,
    costNano: cost?.nano ?? 0,
    currency: cost?.currency ?? 'USD',
    durationMs: Math.round(end.durationMs),
    firstTokenMs: end.firstTokenMs === null ? null : Math.round(end.firstTokenMs),
    attempts: end.attempts,
    streamed: origin.streamed,
    clientIp: caller.ip,
    requestId: origin.requestId,
    ...(reservation && { reservation, reservationId: reservation.id }),
  };
}

/** The call's status in the terms of HTTP, as call histories show it: 499 is nginx's "client closed request". */
function statusOf({ outcome, errorCode }: CallEnd): number {
  if (outcome === 'cancelled') return 499;
  if (outcome !== 'failure') return 200;
  return failureStatuses[errorCode ?? 'provider_failed'] ?? 502;
}

const failureStatuses: Partial<Record<ErrorCode, number>> = {
  provider_timeout: 504,
  invalid_request: 400,
  rate_limited: 429,
};
