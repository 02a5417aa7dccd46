import type { Books } from './books.ts';
import { checkUsage } from './check-usage.ts';
import { questionIn, usageOf } from './questions.ts';
import type { Records } from './records.ts';
import type { VendorCall } from './vendor.ts';

type Call = Books['api_calls'][number];

/** Every call that the vendor got is in the books once; no row is there without a reason. */
export function checkCalls(records: Records, calls: VendorCall[], books: Books): string[] {
  return [
    ...checkVendor(calls),
    ...checkTurns(calls, books),
    ...checkRemoved(records, calls, books),
    ...checkStateless(records, books),
    ...checkUsage(books),
  ];
}

/** A repeat never reaches the vendor: each question is asked once. */
function checkVendor(calls: VendorCall[]): string[] {
  const asked = new Set<string>();
  return calls.flatMap(({ question }) => {
    const again = asked.has(question);
    asked.add(question);
    return again ? [`the vendor was asked twice: ${question}`] : [];
  });
}

function checkTurns(calls: VendorCall[], { messages, api_calls: rows }: Books): string[] {
  const findings: string[] = [];
  const byMessage = Map.groupBy(rows, ({ message_id: id }) => id ?? 0);
  const called = new Set(calls.map(({ question }) => question));
  const texts = new Map(messages.map(({ id, content }) => [id, content]));
  for (const answer of messages.filter(({ role }) => role === 'assistant')) {
    const question = texts.get(answer.question_id ?? 0) ?? '';
    const own = byMessage.get(answer.id) ?? [];
    const [row] = own;
    const least = called.has(question) ? 1 : 0;
    if (own.length < least || own.length > 1) {
      findings.push(`answer ${answer.id} (${answer.state}) has ${own.length} rows for ${least} calls`);
    }
    if (row !== undefined) findings.push(...checkRow(answer, row, question));
  }
  return findings;
}

function checkRow(answer: Books['messages'][number], row: Call, question: string): string[] {
  const outcomes: Record<string, string> = { completed: 'success', cancelled: 'cancelled' };
  const outcome = outcomes[answer.state] ?? 'failure';
  const findings: string[] = [];
  const tokens = row.prompt_tokens + row.completion_tokens;
  if (row.outcome !== outcome)
    findings.push(`call ${row.id} is a ${row.outcome}, its answer ${answer.state}`);
  if (row.conversation_id !== answer.conversation_id || row.user_id !== answer.user_id) {
    findings.push(`call ${row.id} is put down to somebody else`);
  }
  if (answer.exchange_tokens !== tokens) {
    findings.push(`call ${row.id} cost ${tokens} tokens, its exchange ${answer.exchange_tokens}`);
  }
  const { prompt_tokens: prompt, completion_tokens: completion } = usageOf(question);
  const isSettled = row.prompt_tokens === prompt && row.completion_tokens === completion;
  if (row.outcome === 'success' && !isSettled) findings.push(`call ${row.id} is not what the vendor counted`);
  return findings;
}

/** Of a removed session the messages are gone and the calls are not. */
function checkRemoved({ sessions, askings }: Records, calls: VendorCall[], books: Books): string[] {
  return sessions
    .filter(({ removed }) => removed.acknowledged === true)
    .flatMap(({ id }) => {
      const texts = askings.filter(({ sessionId }) => sessionId === id).map(({ text }) => text);
      const called = calls.filter(({ question }) => texts.includes(question)).length;
      const rows = books.api_calls.filter((row) => row.conversation_id === id);
      const once = new Set(rows.map(({ message_id: message }) => message)).size;
      const isRight = rows.length >= called && rows.length <= texts.length && once === rows.length;
      return isRight ? [] : [`removed session ${id} has ${rows.length} rows for ${called} calls`];
    });
}

function checkStateless({ calls }: Records, { api_calls: rows }: Books): string[] {
  const findings: string[] = [];
  const byRequest = Map.groupBy(
    rows.filter(({ message_id: id }) => id === null),
    ({ request_id: id }) => id,
  );
  for (const { id, text, acknowledged } of calls) {
    const own = byRequest.get(id) ?? [];
    byRequest.delete(id);
    const least = acknowledged ? 1 : 0;
    if (own.length < least || own.length > 1) {
      findings.push(`call ${id} has ${own.length} rows, acknowledged: ${acknowledged}`);
    }
    const outcome = questionIn(text)?.pace === 'never' ? 'failure' : 'success';
    if (acknowledged && own[0] !== undefined && own[0].outcome !== outcome) {
      findings.push(`call ${id} was acknowledged, and is a ${own[0].outcome}`);
    }
  }
  return [...findings, ...[...byRequest.keys()].map((id) => `nobody made the call ${id}`)];
}
