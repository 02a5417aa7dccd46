import { usageRow } from './api-call.ts';
import type { NewApiCall } from './api-call.ts';
import { compileCallStatements } from './call-statements.ts';
import { compileChatShare } from './chat-totals.ts';
import type { Statement } from './database.ts';
import type { Queries } from './dialect.ts';

/** Whose answer it was, and the contract in which its conversation began. */
interface Answer {
  userId: number | null;
  channel: string;
}

/** Records a call that is of an answer, but not of its end: its row, its roll-up, and its tokens in the day's sums. */
export function compileLostCall(queries: Queries): (answer: Answer, call: NewApiCall) => Statement[] {
  const calls = compileCallStatements(queries);
  const share = compileChatShare(queries);
  return ({ userId, channel }, call) => {
    const { day, model, promptTokens, completionTokens } = call;
    const tokens = promptTokens + completionTokens;
    return [
      ...calls.insert(call),
      ...calls.addUp(usageRow(call)),
      share({ userId, day, channel, model, tokens }),
    ];
  };
}
