import { apiCallRow, sampleCall, usageRow } from './api-call.ts';
import type { NewApiCall } from './api-call.ts';
import type { Statement } from './database.ts';
import { compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { compileOwnerShare } from './owner-usage.ts';
import { compileReservationEnd } from './reservations.ts';
import type { UsageDailyTable } from './schema.ts';

/** The statements with which a unit stores a call and adds shares to the daily sums. */
export interface CallStatements {
  /** The row, and the end of what was set aside for the call. */
  insert(call: NewApiCall): Statement[];
  /** `share`: as `usageRow` makes it, or several of them added up. */
  addUp(share: UsageDailyTable): Statement[];
}

export function compileCallStatements(queries: Queries): CallStatements {
  const insert = compileStatement(queries.insertInto('api_calls').values(apiCallRow(sampleCall)));
  const endReservation = compileReservationEnd(queries);
  const addUp = compileAddUp(queries);
  const ownerShare = compileOwnerShare(queries);
  return {
    insert(call) {
      const { reservationId = null } = call;
      const row = withValues(insert, Object.values(apiCallRow(call)));
      return reservationId === null ? [row] : [row, endReservation(reservationId)];
    },
    addUp: (share) => [withValues(addUp, Object.values(share)), ownerShare(share)],
  };
}

function compileAddUp(queries: Queries): Statement {
  const dimensions = [
    'day',
    'contract',
    'owner',
    'user_id',
    'api_key_id',
    'model',
    'outcome',
    'currency',
  ] as const;
  const insert = queries.insertInto('usage_daily').values(usageRow(sampleCall));
  return compileStatement(
    insert.onConflict((conflict) =>
      conflict.columns(dimensions).doUpdateSet((eb) => ({
        calls: eb('usage_daily.calls', '+', eb.ref('excluded.calls')),
        prompt_tokens: eb('usage_daily.prompt_tokens', '+', eb.ref('excluded.prompt_tokens')),
        completion_tokens: eb('usage_daily.completion_tokens', '+', eb.ref('excluded.completion_tokens')),
        cost_nano: eb('usage_daily.cost_nano', '+', eb.ref('excluded.cost_nano')),
        duration_ms: eb('usage_daily.duration_ms', '+', eb.ref('excluded.duration_ms')),
      })),
    ),
  );
}
