import type { Books } from './books.ts';
import type { Seen } from './look.ts';
import { checkCalls } from './check-calls.ts';
import { checkSums } from './check-sums.ts';
import { checkMedia } from './check-media.ts';
import { answerTo } from './questions.ts';
import type { Records, SessionRecord } from './records.ts';
import type { VendorCall } from './vendor.ts';

/** What is wrong with the database of a server at rest, by what clients and the vendor know. Empty where nothing is. */
export function checkBooks(records: Records, calls: VendorCall[], books: Books): string[] {
  return [
    ...checkRest(books),
    ...checkPlaces(books),
    ...checkMessages(records, books),
    ...checkMedia(books),
    ...checkFeed(records, books),
    ...checkRatings(records, books),
    ...checkCalls(records, calls, books),
    ...checkSums(records, books),
  ];
}

/** Messages are shown in the order of their places. */
export function checkOrder({ user, sessions }: Seen, books: Books): string[] {
  return sessions.flatMap(({ id, messages }) => {
    const shown = messages.map((message) => message.id).join(' ');
    const held = books.messages.filter((message) => message.conversation_id === id);
    const expected = held.map((message) => message.id).join(' ');
    return shown === expected ? [] : [`${user}: session ${id} shows the messages ${shown}, not ${expected}`];
  });
}

function checkRest({ turns, turn_log, messages }: Books): string[] {
  const open = messages.filter(({ state }) => state === 'running' || state === 'queued');
  return [
    ...turns.map(({ id, state }) => `turn ${id} is still ${state}`),
    ...turn_log.map(({ turn_id: id }) => `the log of turn ${id} is still there`),
    ...open.map(({ id, state }) => `message ${id} is still ${state}`),
  ];
}

/** Places begin at 1 and leave none out but those of removed messages; a user's do too, unless something was removed. */
function checkPlaces({ conversations, messages, user_counters }: Books): string[] {
  const findings: string[] = [];
  for (const { id, message_count: count, removed_messages: removed } of conversations) {
    const places = messages.filter((message) => message.conversation_id === id).map(({ place }) => place);
    const isWithin = places.every((place, at) => place > (places[at - 1] ?? 0) && place <= count);
    if (places.length !== count - removed || !isWithin) {
      const but = removed === 0 ? '' : ` but ${removed}`;
      findings.push(`conversation ${id} counts ${count} messages${but}, at the places ${places.join(' ')}`);
    }
  }
  for (const counter of user_counters) {
    const ofUser = ({ user_id: id }: { user_id: number | null }) => id === counter.user_id;
    const places = messages.filter(ofUser).map(({ user_place: place }) => place ?? 0);
    const own = conversations.filter(ofUser);
    const last = Math.max(0, ...places);
    const nothingRemoved =
      counter.last_conversation_place === counter.conversations &&
      own.every(({ removed_messages: removed }) => removed === 0);
    const isRight =
      counter.messages === places.length &&
      counter.conversations === own.length &&
      counter.last_message_place >= last &&
      new Set(places).size === places.length &&
      (!nothingRemoved || last === places.length);
    if (!isRight) findings.push(`the counters of user ${counter.user_id} are wrong`);
  }
  return findings;
}

/** Each text once, each question with the one answer that follows it, each answer that is none with a reason. */
function checkMessages({ askings }: Records, { messages }: Books): string[] {
  const findings: string[] = [];
  const questions = messages.filter(({ role }) => role === 'user');
  const texts = new Set(questions.map(({ content }) => content));
  if (texts.size < questions.length) findings.push('a question is stored twice');
  const removed = new Set(
    askings.flatMap(({ answerId, removed: { answer } }) => (answer.acknowledged === true ? [answerId] : [])),
  );
  for (const { id, state, error_code: code, error_text: text } of messages) {
    const isNone = state === 'interrupted' || state === 'failed';
    const isReasoned = (code ?? '') !== '' && (text ?? '') !== '';
    if (isNone && !isReasoned && !questions.some((question) => question.id === id)) {
      findings.push(`answer ${id} is ${state} for no reason`);
    }
  }
  const isHalf = new Set(askings.filter((asking) => removed.has(asking.answerId)).map(({ text }) => text));
  for (const question of questions) {
    if (isHalf.has(question.content)) continue;
    const answers = messages.filter(({ question_id: id }) => id === question.id);
    const [answer] = answers;
    const follows =
      answer?.conversation_id === question.conversation_id && answer.place === question.place + 1;
    if (answers.length !== 1 || !follows) findings.push(`question ${question.id} has not its one answer`);
    if (answer?.state === 'completed' && answer.content !== answerTo(question.content)) {
      findings.push(`answer ${answer.id} is not what the vendor said`);
    }
    const isUnanswered = answer?.content === '' && answer.state !== 'completed';
    if (question.state !== (isUnanswered ? 'failed' : 'sent')) {
      findings.push(`question ${question.id} is ${question.state}`);
    }
  }
  return findings;
}

/** Each change was recorded once. */
function checkFeed({ sessions, askings }: Records, { feed, messages }: Books): string[] {
  const counts = new Map<string, number>();
  const bump = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
  for (const { type, conversation_id: conversation, message_id: message } of feed) {
    bump(message === null ? `${type} of conversation ${conversation}` : `${type} of message ${message}`);
  }
  const expect = (key: string, count: number) => {
    const is = counts.get(key) ?? 0;
    return is === count ? [] : [`the feed has "${key}" ${is} times, not ${count}`];
  };
  return [
    ...messages.flatMap(({ id, role }) =>
      expect(role === 'user' ? `asked of message ${id}` : `answered of message ${id}`, 1),
    ),
    ...askings.flatMap(({ questionId, answerId, removed: { question, answer } }) => [
      ...expect(`message_removed of message ${questionId}`, question.acknowledged === true ? 1 : 0),
      ...expect(`message_removed of message ${answerId}`, answer.acknowledged === true ? 1 : 0),
    ]),
    ...sessions.flatMap(({ id, renames, ratings, removed }) => [
      ...expect(`renamed of conversation ${id}`, renames),
      ...expect(`rated of conversation ${id}`, ratings),
      ...expect(`removed of conversation ${id}`, removed.acknowledged === true ? 1 : 0),
    ]),
    ...[...counts]
      .filter(([key, count]) => count > 1 && key.includes('message'))
      .map(([key]) => `${key}: twice`),
  ];
}

function checkRatings({ sessions }: Records, { ratings }: Books): string[] {
  const scoreOf = ({ id }: SessionRecord) => ratings.find((row) => row.conversation_id === id)?.score;
  return sessions
    .filter((session) => scoreOf(session) !== session.score.acknowledged)
    .map(
      (session) =>
        `session ${session.id} is rated ${scoreOf(session)}, not ${session.score.acknowledged ?? 'at all'}`,
    );
}
