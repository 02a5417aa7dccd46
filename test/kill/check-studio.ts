import type { MessageBody } from '../support/studio.ts';
import type { Books } from './books.ts';
import type { Seen, SeenMessage } from './look.ts';
import type { SeenCalls, SeenConversation, SeenStudio } from './look-studio.ts';
import { partsOf, plainTextOf } from './questions.ts';
import { faultOfReply } from './studio-conversations.ts';

/** What is wrong with what studio shows to somebody at rest, by itself and by what the other doors show. */
export function checkStudio(seen: Seen, studio: SeenStudio): string[] {
  const ids = studio.conversations.map(({ id }) => id).toSorted((one, other) => one - other);
  const others = seen.sessions.map(({ id }) => id).toSorted((one, other) => one - other);
  const isSame = ids.join() === others.join() && studio.total === ids.length;
  return [
    ...(isSame ? [] : [`studio lists ${ids.join(' ')} and says ${studio.total}, not ${others.join(' ')}`]),
    ...studio.conversations.flatMap((conversation) => checkConversation(seen, studio, conversation)),
    ...checkCallList(studio),
    ...checkStatistics(seen, studio),
  ].map((finding) => `in studio ${finding}`);
}

function checkConversation(
  { sessions }: Seen,
  { userId }: SeenStudio,
  { id, messages, total, pending }: SeenConversation,
): string[] {
  const others = sessions.find((session) => session.id === id)?.messages ?? [];
  const isSame =
    messages.length === others.length && messages.every((message, at) => isLike(message, others[at]));
  return [
    ...(isSame ? [] : [`conversation ${id} is not what assistant shows`]),
    ...(total === messages.length
      ? []
      : [`conversation ${id} counts ${total} of ${messages.length} messages`]),
    ...pending.map((answer) => `answer ${answer} is still on its way`),
    ...messages.flatMap((message) => checkMessage(message, userId)),
  ];
}

function isLike(
  { message_id: id, role, content, state }: MessageBody,
  other: SeenMessage | undefined,
): boolean {
  const is = { id, role, content: plainTextOf(content), status: state };
  return JSON.stringify(is) === JSON.stringify(other && ordered(other));
}

const ordered = ({ id, role, content, status }: SeenMessage) => ({ id, role, content, status });

/** A question has all that it was sent with; an answer that is none says why. */
function checkMessage(message: MessageBody, userId: number): string[] {
  const { message_id: id, role, content, user_id: from, status } = message;
  if (role === 'assistant') {
    const fault = faultOfReply(message);
    return fault === undefined ? [] : [`answer ${id} ${fault}: ${JSON.stringify(message)}`];
  }
  const parts = JSON.stringify(partsOf(plainTextOf(content)));
  return [
    ...(JSON.stringify(content) === parts ? [] : [`question ${id} does not consist of what was sent`]),
    ...(from === userId && status === 1 ? [] : [`question ${id} is from ${from}, with status ${status}`]),
  ];
}

function checkCallList({ calls, byModel, userId }: SeenStudio): string[] {
  const { rows } = calls;
  return [
    ...checkTotals('the calls', calls, rows),
    ...byModel.flatMap(({ model, ...shown }) =>
      checkTotals(
        `the calls of ${model}`,
        shown,
        rows.filter(({ model_name: of }) => of === model),
      ),
    ),
    ...(rows.every(({ id }, at) => at === 0 || id < (rows[at - 1]?.id ?? 0))
      ? []
      : ['the calls are out of order']),
    ...(rows.every(({ user_id: of }) => of === userId) ? [] : ["there are calls of somebody else's"]),
  ];
}

function checkTotals(
  what: string,
  { total, summary }: Omit<SeenCalls, 'rows'>,
  rows: SeenCalls['rows'],
): string[] {
  const sum = (name: 'request_tokens' | 'response_tokens') => rows.reduce((all, row) => all + row[name], 0);
  const is = [total, summary.request_tokens, summary.response_tokens].join(' ');
  const expected = [rows.length, sum('request_tokens'), sum('response_tokens')].join(' ');
  return is === expected ? [] : [`${what} are said to be ${is}, and are ${expected}`];
}

/** The figures are those of the other doors, and so are their shares by model and by day together. */
function checkStatistics({ total }: Seen, { statistics }: SeenStudio): string[] {
  const { total_conversations: chats, total_messages: messages, total_tokens: tokens } = statistics;
  const expected = [total.total_chats, total.total_messages, total.total_tokens].join(' ');
  const sums = (rows: (typeof statistics)['daily_statistics']) =>
    (['conversation_count', 'message_count', 'token_count'] as const)
      .map((name) => rows.reduce((all, row) => all + row[name], 0))
      .join(' ');
  const shown = {
    'the statistics': [chats, messages, tokens].join(' '),
    'the statistics by model': sums(statistics.model_statistics),
    'the statistics by day': sums(statistics.daily_statistics),
  };
  return Object.entries(shown)
    .filter(([, is]) => is !== expected)
    .map(([what, is]) => `${what} are ${is}, not ${expected}`);
}

/** The history of calls that somebody is shown is what the database holds of them. */
export function checkShownCalls(
  { user }: Seen,
  { userId, calls }: SeenStudio,
  { api_calls: rows }: Books,
): string[] {
  const line = (row: Omit<SeenCalls['rows'][number], 'request_tokens' | 'response_tokens'>, tokens: number) =>
    [row.id, row.conversation_id, row.message_id, row.request_id, tokens].join(' ');
  const shown = new Set(calls.rows.map((row) => line(row, row.request_tokens + row.response_tokens)));
  const held = rows
    .filter(({ owner }) => owner === `user:${userId}`)
    .map((row) => line({ ...row, model_name: row.model }, row.prompt_tokens + row.completion_tokens));
  const missing = held.filter((call) => !shown.delete(call));
  return [
    ...missing.map((call) => `${user} is not shown the call ${call}`),
    ...[...shown].map((call) => `${user} is shown the call ${call}, which there is not`),
  ];
}
