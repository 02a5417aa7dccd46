import type { Seen, SeenMessage, SeenSession } from './look.ts';
import { answerTo } from './questions.ts';
import { isUnderWay, type Asking, type Records, type SessionRecord } from './records.ts';
import { checkStudio } from './check-studio.ts';

/** What is wrong with what a user sees at rest, by what that user's clients know. Empty where nothing is. */
export function checkDoors(records: Records, seen: Seen): string[] {
  const askings = records.askings.filter(({ user }) => user === seen.user);
  const sessions = records.sessions.filter(({ user }) => user === seen.user);
  return [
    ...askings.flatMap((asking) => checkAsking(asking, seen, isGone(sessions, asking))),
    ...sessions.flatMap((session) => checkSession(session, seen)),
    ...seen.sessions.flatMap((session) => checkShape(session, askings)),
    ...checkHistory(seen),
    ...checkTotal(sessions, askings, seen),
    ...checkAgain(seen),
    ...(seen.studio === undefined ? [] : checkStudio(seen, seen.studio)),
  ].map((finding) => `${seen.user}: ${finding}`);
}

/** A session that was to be removed may be there or not, unless the removal is acknowledged. */
function isGone(sessions: SessionRecord[], { sessionId }: Asking): boolean {
  const session = sessions.find(({ id }) => id === sessionId);
  return session !== undefined && isUnderWay(session.removed);
}

function checkAsking(asking: Asking, seen: Seen, isGone: boolean): string[] {
  const { id, text, outcome, sessionId, answerId } = asking;
  const places = seen.sessions.flatMap(({ id: session, messages }) =>
    messages.flatMap((message, at) =>
      message.role === 'user' && message.content === text ? [{ session, answer: messages[at + 1] }] : [],
    ),
  );
  if (isGone) return [];
  if (isHalved(asking)) return checkHalves(asking, seen);
  if (places.length > 1) return [`${id} is there ${places.length} times`];
  const [place] = places;
  const wasRefused = outcome !== undefined && 'failure' in outcome;
  if (place === undefined) {
    return asking.stored && !wasRefused ? [`${id} was acknowledged, and is lost`] : [];
  }
  const { session, answer } = place;
  if (answer?.role !== 'assistant') return [`${id} is followed by no answer`];
  return [
    ...(sessionId !== undefined && sessionId !== session ? [`${id} is in ${session}, not ${sessionId}`] : []),
    ...(answerId !== undefined && answerId !== answer.id ? [`${id} has another answer's id`] : []),
    ...checkAnswer(asking, answer),
  ];
}

/** Whether one of the two messages was to be removed. */
function isHalved({ removed: { question, answer } }: Asking): boolean {
  return isUnderWay(question) || isUnderWay(answer);
}

/** What was removed is gone, and nothing else is. */
function checkHalves(asking: Asking, seen: Seen): string[] {
  const { id, text, removed, questionId, answerId } = asking;
  const messages = seen.sessions.flatMap((session) => session.messages);
  const question = messages.find((message) => message.id === questionId);
  const answer = messages.find((message) => message.id === answerId);
  const check = (half: 'question' | 'answer', message: SeenMessage | undefined) => {
    const { acknowledged } = removed[half];
    if (acknowledged === true && message !== undefined)
      return [`${id}: the ${half} was removed, and is there`];
    const isLost = !isUnderWay(removed[half]) && message === undefined;
    return isLost ? [`${id}: the ${half} is lost, and was not removed`] : [];
  };
  return [
    ...check('question', question),
    ...check('answer', answer),
    ...(question !== undefined && question.content !== text ? [`${id} has another question`] : []),
    ...(answer === undefined ? [] : checkAnswer(asking, answer)),
  ];
}

function checkAnswer({ id, text, seen, outcome }: Asking, { content, status }: SeenMessage): string[] {
  const findings: string[] = [];
  const whole = answerTo(text);
  const is = `${status} ${JSON.stringify(content)}`;
  if (!content.startsWith(seen)) findings.push(`${id} showed ${JSON.stringify(seen)}, and is ${is}`);
  if (!whole.startsWith(content)) findings.push(`${id} is ${is}, which the vendor never said`);
  if (status === 'completed' && content !== whole) findings.push(`${id} is ${is}, which is not the whole`);
  if (!['completed', 'failed', 'cancelled', 'interrupted'].includes(status)) {
    findings.push(`${id} is still ${status}`);
  }
  if (outcome !== undefined) {
    const was = JSON.stringify(outcome);
    const agrees =
      'content' in outcome
        ? outcome.content === content && outcome.status === status
        : (content === '' && status !== 'completed') || status === 'failed';
    if (!agrees) findings.push(`${id} was acknowledged as ${was}, and is ${is}`);
  }
  return findings;
}

function checkSession({ id, title, removed }: SessionRecord, seen: Seen): string[] {
  const found = seen.sessions.filter((session) => session.id === id);
  if (removed.acknowledged === true)
    return found.length > 0 ? [`session ${id} was removed, and is there`] : [];
  if (found.length === 0) return isUnderWay(removed) ? [] : [`session ${id} is lost`];
  if (found.length > 1) return [`session ${id} is listed twice`];
  const named = [title.acknowledged, title.asked].filter((name) => name !== undefined);
  const is = found[0]?.title ?? '';
  if (title.acknowledged === undefined || named.includes(is)) return [];
  return [`session ${id} is called ${is}, not ${named.join(' or ')}`];
}

/** Questions and answers take turns, all of them are ours, and the count is right. */
function checkShape({ id, messageCount, messages }: SeenSession, askings: Asking[]): string[] {
  const findings: string[] = [];
  if (messageCount !== messages.length) {
    findings.push(`session ${id} counts ${messageCount} messages, and has ${messages.length}`);
  }
  const isHalf = askings.some((asking) => asking.sessionId === id && isHalved(asking));
  messages.forEach(({ role, content }, at) => {
    if (!isHalf && role !== (at % 2 === 0 ? 'user' : 'assistant'))
      findings.push(`session ${id}: a ${role} at ${at}`);
    if (role === 'user' && !askings.some(({ text }) => text === content)) {
      findings.push(`session ${id}: nobody asked ${JSON.stringify(content)}`);
    }
  });
  return findings;
}

/** The other door shows the same messages. */
function checkHistory({ sessions, history }: Seen): string[] {
  const line = ({ id, role, content }: { id: number; role: string; content: string }) =>
    `${id} ${role} ${content}`;
  const here = sessions.flatMap(({ messages }) => messages).map(line);
  const there = new Set(history.map(line));
  return [
    ...(there.size === history.length ? [] : ['the history has a message twice']),
    ...(there.size === here.length && here.every((message) => there.has(message))
      ? []
      : [`the history has ${there.size} messages, the sessions ${here.length}, and they differ`]),
  ];
}

/** What was removed stays in the figures: then they are checked with the books. */
function checkTotal(records: SessionRecord[], askings: Asking[], { sessions, total }: Seen): string[] {
  if (records.some(({ removed }) => isUnderWay(removed)) || askings.some(isHalved)) return [];
  const messages = sessions.flatMap((session) => session.messages);
  const said = messages.filter(({ role, content }) => role === 'user' || content !== '').length;
  const failed = messages.filter(
    ({ role, status }) => role === 'assistant' && ['failed', 'interrupted'].includes(status),
  ).length;
  const expected = { total_chats: sessions.length, total_messages: said, total_errors: failed };
  return Object.entries(expected).flatMap(([name, value]) => {
    const is = total[name as keyof typeof expected];
    return is === value ? [] : [`${name} is ${is}, not ${value}`];
  });
}

/** Each figure is the same at every door. */
function checkAgain({ total, again }: Seen): string[] {
  const agrees =
    total.total_chats === again.chats &&
    total.total_messages === again.messages &&
    total.total_tokens === again.days.total_tokens &&
    total.total_errors === again.days.total_errors;
  return agrees ? [] : [`figures differ: ${JSON.stringify(total)} and ${JSON.stringify(again)}`];
}
