import { sql } from 'kysely';
import { usageRow } from './api-call.ts';
import { compileCallStatements } from './call-statements.ts';
import { compileChatShare } from './chat-totals.ts';
import type { SqlValue, Statement } from './database.ts';
import { compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { compileEvent } from './feed.ts';
import type { TurnEnd } from './turns.ts';

/** The unit that ends a turn. */
export function compileEnd(queries: Queries): (end: TurnEnd) => Statement[] {
  const { removeTurn, removeLog, fill, failQuestion, touch } = compileChanges(queries);
  const event = compileEvent(queries);
  const share = compileChatShare(queries);
  const calls = compileCallStatements(queries);

  return (end) => {
    const { questionStays = false } = end;
    const { id, conversationId, userId, state, content, at, day, channel, call } = end;
    const completed = state === 'completed';
    return [
      withValues(removeTurn, [id, end.fence]),
      withValues(removeLog, [id]),
      withValues(fill, [...answerValues(end), id]),
      ...(content === '' && !completed && !questionStays ? [withValues(failQuestion, [end.questionId])] : []),
      withValues(touch, [at, at, conversationId]),
      event({ conversationId, userId, type: 'answered', messageId: id, at, data: null }),
      share({
        userId,
        day,
        channel,
        model: end.countedModel,
        messages: content === '' ? 0 : 1,
        answers: completed ? 1 : 0,
        responseMs: completed ? end.responseMs : 0,
        tokens: end.exchangeTokens,
        errors: state === 'failed' || state === 'interrupted' ? 1 : 0,
      }),
      ...(call === null ? [] : [...calls.insert(call), ...calls.addUp(usageRow(call))]),
    ];
  };
}

/** In the order of `fill`. */
function answerValues(end: TurnEnd): SqlValue[] {
  const { state, at, tokens, exchangeTokens, estimated, model, finishReason } = end;
  const { errorCode, errorText, content } = end;
  const citations = end.citations === null ? null : JSON.stringify(end.citations);
  const flag = estimated ? 1 : 0;
  const outcome = [model, finishReason, errorCode, errorText, content, citations];
  return [state, at, tokens, exchangeTokens, flag, ...outcome];
}

function compileChanges(queries: Queries) {
  const answer = queries.updateTable('messages').set({
    state: '',
    created_at: 0,
    tokens: 0,
    exchange_tokens: 0,
    estimated: 0,
    model: '',
    finish_reason: '',
    error_code: '',
    error_text: '',
    content: '',
    citations: '',
  });
  const question = queries.updateTable('messages').set({ state: sql.lit('failed') });
  const conversation = queries.updateTable('conversations').set({ updated_at: 0, last_message_at: 0 });
  return {
    // First, so that a turn that has ended, or that another node ends, stops the unit before anything is written.
    removeTurn: compileStatement(queries.deleteFrom('turns').where('id', '=', 0).where('fence', '=', 0), 1),
    removeLog: compileStatement(queries.deleteFrom('turn_log').where('turn_id', '=', 0)),
    fill: compileStatement(answer.where('id', '=', 0), 1),
    failQuestion: compileStatement(question.where('id', '=', 0)),
    touch: compileStatement(conversation.where('id', '=', 0)),
  };
}
