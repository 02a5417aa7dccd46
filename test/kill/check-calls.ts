import type { Books } from './books.ts';
import { checkUsage } from './check-usage.ts';
import { imagesOf, questionIn, usageOf } from './questions.ts';
import { isMadeAgain, lifeAt, mostAttempts, type Asking, type Records } from './records.ts';
import type { VendorCall } from './vendor.ts';

type Call = Books['api_calls'][number];

/** Every call that the vendor got is in the books once; no row is there without a reason. */
export function checkCalls(records: Records, calls: VendorCall[], books: Books): string[] {
  return [
    ...checkVendor(records, calls, books),
    ...checkTurns(records, calls, books),
    ...checkRemoved(records, calls, books),
    ...checkRemovedAnswers(records, calls, books),
    ...checkStateless(records, books),
    ...checkUsage(books),
  ];
}

/** A repeat never reaches the vendor: each question is asked once, by each life that makes its answer. It comes with its images. */
function checkVendor(records: Records, calls: VendorCall[], { api_calls: rows }: Books): string[] {
  const byText = new Map(records.askings.map((asking) => [asking.text, asking]));
  return [...Map.groupBy(calls, ({ question }) => question)].flatMap(([question, own]) => {
    const asking = byText.get(question);
    const lives = Map.groupBy(own, ({ at }) => lifeAt(records, at));
    const left = rows.filter((row) => isLeft(row) && row.message_id === asking?.answerId).length;
    const most = mostTries(asking) * records.servers;
    const isOften =
      lives.size > mostRows(asking) + left || [...lives.values()].some((made) => made.length > most);
    const images = JSON.stringify(imagesOf(question));
    const isWhole = own.every((call) => JSON.stringify(call.images) === images);
    return [
      ...(isOften ? [`the vendor was asked ${own.length} times in ${lives.size} lives: ${question}`] : []),
      ...(isWhole ? [] : [`the vendor was shown other images: ${question}`]),
    ];
  });
}

/** In one attempt. A refusal may be of an image that came earlier in the conversation: then the vendor is asked once more without. */
function mostTries(asking: Asking | undefined): number {
  const isRefused = asking !== undefined && questionIn(asking.text)?.pace === 'never';
  return isRefused && isMadeAgain(asking) ? 2 : 1;
}

function mostRows(asking: Asking | undefined): number {
  return asking !== undefined && isMadeAgain(asking) ? mostAttempts : 1;
}

function checkTurns(records: Records, calls: VendorCall[], { messages, api_calls: rows }: Books): string[] {
  const findings: string[] = [];
  const byMessage = Map.groupBy(rows, ({ message_id: id }) => id ?? 0);
  const texts = new Map(messages.map(({ id, content }) => [id, content]));
  for (const answer of messages.filter(({ role }) => role === 'assistant')) {
    const asked = texts.get(answer.question_id ?? 0);
    const asking = records.askings.find(({ text, answerId }) =>
      asked === undefined ? answerId === answer.id : text === asked,
    );
    const question = asking?.text ?? '';
    const own = byMessage.get(answer.id) ?? [];
    findings.push(...checkCount(records, `answer ${answer.id} (${answer.state})`, own, asking, calls));
    const row = own.at(-1);
    if (row !== undefined && !isLost(row, answer)) findings.push(...checkRow(answer, row, question));
  }
  return findings;
}

/**
 * The rows tell of as many attempts as the vendor got calls, or of more that did not reach it. All but the last were cut off, and each is put
 * down by a life of its own.
 */
function checkCount(
  records: Records,
  what: string,
  own: Call[],
  asking: Asking | undefined,
  calls: VendorCall[],
): string[] {
  const called = calls.filter(({ question }) => question === asking?.text).length;
  // How often the vendor was asked in an attempt that was cut off, nobody knows.
  const attempts = own.reduce((sum, row) => sum + (isCutOff(row) ? mostTries(asking) : row.attempts), 0);
  const isRight = attempts >= called && own.filter((row) => !isLeft(row)).length <= mostRows(asking);
  const broken = own.slice(0, -1).filter((row) => !isCutOff(row) && !isLeft(row));
  const lost = own.filter(isCutOff).map(({ at }) => lifeAt(records, at));
  return [
    ...(isRight ? [] : [`${what} has ${own.length} rows for ${called} calls`]),
    ...broken.map(({ id, outcome }) => `${what} has another call after ${id}, a ${outcome}`),
    ...(new Set(lost).size === lost.length
      ? []
      : [`${what} lost a call twice, in the lives ${lost.join(' ')}`]),
  ];
}

function isCutOff({ outcome, error_code: code }: Call): boolean {
  return outcome === 'failure' && code === 'interrupted';
}

/** A server that ended in good order has left the answer, of which nothing was said, to another. */
function isLeft({ outcome, error_code: code }: Call): boolean {
  return outcome === 'cancelled' && code === 'interrupted';
}

/** Whether the answer waited to be made again when it ended: then its last call is one that had been lost before. */
function isLost(row: Call, { state, content }: Books['messages'][number]): boolean {
  return isCutOff(row) && content === '' && (state === 'interrupted' || state === 'cancelled');
}

/** Of a removed answer the calls stay. */
function checkRemovedAnswers(records: Records, calls: VendorCall[], { api_calls: rows }: Books): string[] {
  return records.askings
    .filter(({ removed: { answer } }) => answer.acknowledged === true)
    .flatMap((asking) => {
      const own = rows.filter(({ message_id: id }) => id === asking.answerId);
      return checkCount(records, `the removed answer ${asking.answerId}`, own, asking, calls);
    });
}

function checkRow(answer: Books['messages'][number], row: Call, question: string): string[] {
  const outcomes: Record<string, string> = { completed: 'success', cancelled: 'cancelled' };
  const outcome = outcomes[answer.state] ?? 'failure';
  const findings: string[] = [];
  const tokens = row.prompt_tokens + row.completion_tokens;
  // An answer that was broken off for a reason of its own has that from its call.
  const isBrokenOff = row.outcome === 'cancelled' && row.error_code === answer.error_code;
  if (row.outcome !== outcome && !isBrokenOff)
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
  for (const { id, text, acknowledged, conversationId, left } of calls) {
    const own = byRequest.get(id) ?? [];
    byRequest.delete(id);
    const least = acknowledged ? 1 : 0;
    if (own.length < least || own.length > 1) {
      findings.push(`call ${id} has ${own.length} rows, acknowledged: ${acknowledged}`);
    }
    const outcomes =
      questionIn(text)?.pace === 'never' ? ['failure'] : ['success', ...(left ? ['cancelled'] : [])];
    if (acknowledged && own[0] !== undefined && !outcomes.includes(own[0].outcome)) {
      findings.push(`call ${id} was acknowledged, and is a ${own[0].outcome}`);
    }
    if (own.some((row) => row.conversation_id !== conversationId)) {
      findings.push(`call ${id} is put down to another conversation than ${conversationId}`);
    }
  }
  return [...findings, ...[...byRequest.keys()].map((id) => `nobody made the call ${id}`)];
}
