import type { MessageBody } from '../support/helpdesk.ts';
import type { HelpdeskFrame } from '../support/helpdesk-socket.ts';
import type { Book } from './books.ts';
import type { Account } from './client.ts';
import { differenceOf, isForGuests, messageLine, transcriptOf } from './transcript.ts';

/** All that there is to say of one session, by whoever has something to say of it. */
export interface Evidence {
  sessionId: string;
  guest: Account;
  agents: Account[];
  /** Over HTTP: as the guest sees it, and as staff do. */
  histories: { guest: MessageBody[]; staff: MessageBody[] };
  book: Book;
  /** What the guest and the agents themselves know: see `Lane`. */
  said: readonly { by: string; text: string }[];
  unsaid: readonly string[];
  notes: readonly string[];
  owners: readonly string[];
}

/** What is wrong with what everybody was told of a session. Empty where nothing is. */
export function checkEvidence(evidence: Evidence): string[] {
  const { guest, agents } = evidence;
  return [
    ...checkTranscripts(evidence),
    ...checkHistories(evidence),
    ...checkScript(evidence),
    ...checkGuest(evidence),
    ...[guest, ...agents].flatMap((account) => [
      ...checkCursors(account),
      ...checkStreams(account, evidence.sessionId),
      ...checkSilence(account, evidence.sessionId),
    ]),
    ...agents.flatMap((agent) => checkLabels(agent, evidence)),
  ];
}

/** Everybody has the same, in the same order: what the database says has happened. */
function checkTranscripts({ guest, agents, sessionId, book }: Evidence): string[] {
  const [ofGuest, ...ofAgents] = [guest, ...agents].map((account) => transcriptOf(account, sessionId));
  const shown = book.lines.filter(isForGuests);
  return [
    ...(ofGuest?.findings ?? []),
    ...differenceOf(guest.name, ofGuest?.lines ?? [], 'the database', shown),
    ...ofAgents.flatMap(({ name, lines, findings }) => [
      ...findings,
      ...differenceOf(name, lines, 'the database', book.lines),
      ...differenceOf(name, lines.filter(isForGuests), guest.name, ofGuest?.lines ?? []),
    ]),
  ];
}

/** As messages stand in the database, so they stand in histories, and so they were told. */
function checkHistories({ histories, book, guest, sessionId }: Evidence): string[] {
  const isMessage = (line: string) => line.startsWith('msg_');
  const told = transcriptOf(guest, sessionId).lines.filter(isMessage);
  return [
    ...differenceOf('the guest’s history', histories.guest.map(lineOf), 'the database', book.messages),
    ...differenceOf('the agents’ history', histories.staff.map(lineOf), 'the database', book.messages),
    ...differenceOf(guest.name, told, 'the history', book.messages),
  ];
}

function lineOf({ id, sender_type: sender, sender: person, status, content }: MessageBody): string {
  return messageLine({ id, sender, name: person?.name ?? null, status, content });
}

/** What was acknowledged is there once, and in its order; what was refused is nowhere. */
function checkScript({ said, unsaid, owners, book, guest, agents, histories }: Evidence): string[] {
  const findings: string[] = [];
  let before = -1;
  for (const { by, text } of said) {
    const sender = by === 'user' || by === 'ai' ? `${by} -` : `human ${by}`;
    const places = book.messages.flatMap((line, at) =>
      line.includes(` ${sender} `) && line.endsWith(`: ${text}`) ? [at] : [],
    );
    const [place = -1] = places;
    if (places.length !== 1) findings.push(`“${text}” of ${by} is there ${places.length} times`);
    else if (place <= before) findings.push(`“${text}” of ${by} is not where it was said`);
    before = place;
  }
  const changes = book.lines.filter((line) => line.startsWith('status '));
  const expected = owners.map((owner) => `status ${owner}`);
  findings.push(...differenceOf('the database', changes, 'the script', expected));
  const everything = JSON.stringify([
    book,
    histories,
    ...[guest, ...agents].map(({ heard }) => heard.map(({ data }) => data)),
  ]);
  for (const text of unsaid) {
    if (everything.includes(text)) findings.push(`“${text}” was told, which nobody said in time`);
  }
  return findings;
}

const forGuests = new Set(['auth', 'message', 'typing', 'ai_stream', 'status_update', 'receipt', 'error']);

/** A guest hears of the own session alone, and not of what is among staff. */
function checkGuest({ guest, sessionId, notes }: Evidence): string[] {
  const findings: string[] = [];
  for (const frame of guest.heard) {
    const text = JSON.stringify(frame);
    const sessions = text.match(/sess_[\w-]+/gu) ?? [];
    if (sessions.some((each) => each !== sessionId)) findings.push(`was told of another session: ${text}`);
    if (!forGuests.has(frame.type)) findings.push(`was told what is for staff: ${text}`);
    if (notes.some((note) => text.includes(note))) findings.push(`was told a note: ${text}`);
  }
  return findings.map((finding) => `${guest.name} ${finding}`);
}

/** A cursor never goes back. */
function checkCursors({ name, heard }: Account): string[] {
  let before = 0;
  return heard.flatMap(({ cursor }) => {
    if (cursor === undefined) return [];
    const at = Number(cursor.split(':')[0]);
    const findings = at < before ? [`${name} is at ${cursor} after ${before}`] : [];
    before = at;
    return findings;
  });
}

/** Text on its way is the beginning of the answer that follows it, and of a guest's no character is told twice or left out. */
function checkStreams({ name, heard }: Account, sessionId: string): string[] {
  const findings: string[] = [];
  const isGuest = !heard.some(({ data }) => data.user?.role === 'agent');
  let full = '';
  for (const { type, data } of heard) {
    if (data.session_id !== sessionId) continue;
    if (type === 'ai_stream') {
      const { content = '', full_content: text = '' } = data;
      if (!text.endsWith(content) || (isGuest && text !== full + content)) {
        findings.push(`after “${full}” came “${content}”, and “${text}”`);
      }
      full = text;
    } else if (type === 'message' && data.sender_type === 'ai') {
      if (data.content?.startsWith(full) !== true) findings.push(`“${full}” became “${data.content}”`);
      full = '';
    }
  }
  if (full !== '') findings.push(`“${full}” never became a message`);
  return findings.map((finding) => `${name}: ${finding}`);
}

/** The AI says nothing where a person is in charge, or is waited for. */
function checkSilence({ name, heard }: Account, sessionId: string): string[] {
  let isSilent = false;
  return heard.flatMap((frame: HelpdeskFrame) => {
    const { type, data } = frame;
    if (data.session_id !== sessionId) return [];
    if (type === 'status_update') isSilent = data.agent_type === 'human';
    const isOfAi = type === 'ai_stream' || data.sender_type === 'ai';
    return isSilent && isOfAi ? [`${name} heard the AI while a person was in charge: ${data.content}`] : [];
  });
}

/** What staff were shown last of a conversation is how it is. */
function checkLabels({ name, heard }: Account, { sessionId, book: { labels } }: Evidence): string[] {
  const shown = heard.findLast(({ type, data }) => type === 'conversation' && data.session_id === sessionId);
  if (shown === undefined) return [`${name} never saw the conversation`];
  const { priority, tags, assignee, status } = shown.data as typeof shown.data & { priority?: string };
  const is = JSON.stringify({ priority, tags, assignee: assignee?.name ?? null, status });
  const has = JSON.stringify(labels);
  return is === has ? [] : [`${name} saw ${is}, and it is ${has}`];
}
