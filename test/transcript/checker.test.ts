import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MessageBody } from '../support/helpdesk.ts';
import type { HelpdeskFrame } from '../support/helpdesk-socket.ts';
import { checkEvidence, type Evidence } from './check.ts';
import type { Account } from './client.ts';
import { messageLine, noteLine, ratingLine, statusLine } from './transcript.ts';

const session_id = 'sess_one';
const ann = { id: 7, name: 'Ann' };
const late = 'and it never ends';

/** A question, an answer that was cut off by a takeover, a reply, a note and a rating: all of it in order. */
function truth(): Evidence {
  const question = messageOf(1, 'user', 'Is it open?', 'sent');
  const cut = messageOf(2, 'ai', 'The harbour', 'cancelled');
  const reply = { ...messageOf(3, 'human', 'It is.', 'sent'), sender: ann };
  const messages = [question, cut, reply];
  const events: Omit<HelpdeskFrame, 'cursor'>[] = [
    { type: 'message', data: question },
    { type: 'ai_stream', data: { session_id, content: 'The ', full_content: 'The ', is_complete: false } },
    {
      type: 'ai_stream',
      data: { session_id, content: 'harbour', full_content: 'The harbour', is_complete: true },
    },
    { type: 'message', data: cut },
    { type: 'status_update', data: { session_id, agent_type: 'human', status: 'active', assignee: ann } },
    { type: 'message', data: reply },
    { type: 'note', data: { session_id, id: 4, author: ann, content: 'A note' } },
    { type: 'rating', data: { session_id, score: 5 } },
  ];
  const conversation = { session_id, status: 'open', assignee: ann, tags: ['vip'], priority: 'urgent' };
  const forStaff = [...events, { type: 'conversation', data: conversation }];
  const forGuest = events.filter(({ type }) => type !== 'note' && type !== 'rating');
  const lines = messages.map((message) => lineOf(message));
  return {
    sessionId: session_id,
    guest: accountOf('lane 1', forGuest),
    agents: ['Ann', 'Bob'].map((name) => accountOf(name, [hello, ...forStaff])),
    histories: { guest: structuredClone(messages), staff: structuredClone(messages) },
    book: {
      lines: [
        ...lines.slice(0, 2),
        statusLine('human', 'active', 'Ann'),
        ...lines.slice(2),
        noteLine(4, 'Ann', 'A note'),
        ratingLine(5),
      ],
      messages: lines,
      labels: { priority: 'urgent', tags: ['vip'], assignee: 'Ann', status: 'open' },
    },
    said: [
      { by: 'user', text: 'Is it open?' },
      { by: 'Ann', text: 'It is.' },
    ],
    unsaid: [late],
    notes: ['A note'],
    owners: ['human active Ann'],
  };
}

const hello: HelpdeskFrame = {
  type: 'auth',
  data: { authenticated: true, user: { id: 7, email: '', full_name: 'Ann', role: 'agent' } },
};

function messageOf(id: number, sender_type: string, content: string, status: string): MessageBody {
  const shown = { message_type: 'text', citations: [], created_at: '2026-01-31T00:00:00.000Z' };
  return { id: `msg_${id}`, session_id, sender_type, sender: null, content, status, ...shown };
}

function lineOf({ id, sender_type: sender, sender: person, status, content }: MessageBody): string {
  return messageLine({ id, sender, name: person?.name ?? null, status, content });
}

function accountOf(
  name: string,
  frames: Omit<HelpdeskFrame, 'cursor'>[],
): Account & { heard: HelpdeskFrame[] } {
  const heard = frames.map((frame, at) => ({ ...structuredClone(frame), cursor: String(at + 1) }));
  return { name, heard, repeated: new Set() };
}

/** The frames of somebody, to be doctored. */
const heardBy = ({ heard }: Account) => heard as HelpdeskFrame[];
const firstAgent = ({ agents }: Evidence) => agents[0] as Account;

function insertAfter(account: Account, type: string, frame: HelpdeskFrame): void {
  const frames = heardBy(account);
  const { cursor } = frames.at(-1) as HelpdeskFrame;
  const at = frames.findLastIndex((each) => each.type === type);
  frames.splice(at + 1, 0, { ...frame, ...(at === frames.length - 1 && { cursor: cursor ?? '' }) });
}

describe('the checker of the transcript test', () => {
  test('finds nothing where nothing is wrong', () => {
    assert.deepEqual(checkEvidence(truth()), []);
  });

  test('takes the answer to a repeated frame for no second message', () => {
    const evidence = truth();
    const frames = heardBy(evidence.guest);
    const [question] = frames as [HelpdeskFrame];
    frames.splice(1, 0, { ...structuredClone(question), id: 'again' });
    Object.assign(evidence.guest, { repeated: new Set(['again']) });
    assert.deepEqual(checkEvidence(evidence), []);
  });

  const isReply = ({ data }: HelpdeskFrame) => data.content === 'It is.';
  const lies: [title: string, tell: (evidence: Evidence) => void, finding: RegExp][] = [
    [
      'a guest was never told of a message',
      ({ guest }) => heardBy(guest).splice(heardBy(guest).findIndex(isReply), 1),
      /lane 1 has at 3 “undefined”/u,
    ],
    [
      'an agent was never told of a message',
      (evidence) => heardBy(firstAgent(evidence)).splice(heardBy(firstAgent(evidence)).findIndex(isReply), 1),
      /Ann has at 3 “note 4/u,
    ],
    [
      'a message was told twice',
      ({ guest }) => heardBy(guest).push(structuredClone(heardBy(guest).find(isReply) as HelpdeskFrame)),
      /lane 1 was told twice of msg_3/u,
    ],
    [
      'a status was told twice',
      ({ guest }) =>
        insertAfter(
          guest,
          'status_update',
          guest.heard.find(({ type }) => type === 'status_update') as HelpdeskFrame,
        ),
      /lane 1 has at 3 “status human active Ann”/u,
    ],
    [
      'two messages were told in another order',
      (evidence) => {
        const frames = heardBy(firstAgent(evidence));
        const [reply] = frames.splice(frames.findIndex(isReply), 1);
        frames.splice(1, 0, { ...(reply as HelpdeskFrame), cursor: '1' });
      },
      /Ann has at 0 “msg_3/u,
    ],
    [
      'a message was told with another text',
      ({ guest }) => Object.assign(guest.heard.find(isReply)?.data ?? {}, { content: 'It is not.' }),
      /lane 1 has at 3 “msg_3 human Ann sent: It is not.”/u,
    ],
    [
      'another agent is said to have it',
      (evidence) => {
        const change = firstAgent(evidence).heard.find(({ type }) => type === 'status_update');
        Object.assign(change?.data ?? {}, { assignee: { id: 8, name: 'Bob' } });
      },
      /Ann has at 2 “status human active Bob”/u,
    ],
    [
      'another agent got it than the script says',
      (evidence) => Object.assign(evidence, { owners: ['human active Bob'] }),
      /the database has at 0 “status human active Ann”, where the script has “status human active Bob”/u,
    ],
    [
      'an agent is shown another assignee in the end',
      (evidence) => Object.assign(firstAgent(evidence).heard.at(-1)?.data ?? {}, { assignee: null }),
      /Ann saw .*"assignee":null/u,
    ],
    [
      'the AI goes on after the takeover',
      (evidence) =>
        insertAfter(firstAgent(evidence), 'status_update', {
          type: 'ai_stream',
          data: { session_id, content: ' opens', full_content: 'The harbour opens' },
        }),
      /Ann heard the AI while a person was in charge/u,
    ],
    [
      'late text is in the answer',
      ({ histories }) => Object.assign(histories.guest[1] ?? {}, { content: `The harbour ${late}` }),
      /was told, which nobody said in time/u,
    ],
    [
      'text on its way is not in the answer',
      ({ guest }) => Object.assign(guest.heard[2]?.data ?? {}, { content: 'city', full_content: 'The city' }),
      /lane 1: “The city” became “The harbour”/u,
    ],
    [
      'text on its way leaves something out',
      ({ guest }) => void heardBy(guest).splice(1, 1),
      /lane 1: after “” came “harbour”, and “The harbour”/u,
    ],
    [
      'a note is shown to the guest',
      ({ guest }) =>
        insertAfter(guest, 'message', { type: 'message', data: { session_id, content: 'A note' } }),
      /lane 1 was told a note/u,
    ],
    [
      'a frame of staff’s is shown to the guest',
      ({ guest }) => insertAfter(guest, 'message', { type: 'conversation', data: { session_id } }),
      /lane 1 was told what is for staff/u,
    ],
    [
      'another guest’s frame is shown to the guest',
      ({ guest }) => insertAfter(guest, 'message', { type: 'typing', data: { session_id: 'sess_two' } }),
      /lane 1 was told of another session/u,
    ],
    [
      'a note was never told',
      (evidence) =>
        heardBy(firstAgent(evidence)).splice(
          firstAgent(evidence).heard.findIndex(({ type }) => type === 'note'),
          1,
        ),
      /Ann has at 4 “rating 5”/u,
    ],
    [
      'a socket was told to begin anew',
      ({ guest }) => insertAfter(guest, 'message', { type: 'reset', data: {} }),
      /lane 1 was told to begin anew/u,
    ],
    [
      'a cursor goes back',
      ({ guest }) => Object.assign(guest.heard.at(-1) ?? {}, { cursor: '1' }),
      /lane 1 is at 1 after/u,
    ],
    [
      'an acknowledged message is lost',
      ({ said }) => void (said as Evidence['said'][number][]).push({ by: 'user', text: 'Thanks.' }),
      /“Thanks.” of user is there 0 times/u,
    ],
    [
      'the history has another order',
      ({ histories }) => void histories.staff.reverse(),
      /the agents’ history has at 0 “msg_3/u,
    ],
  ];
  for (const [title, tell, finding] of lies) {
    test(`finds that ${title}`, () => {
      const evidence = truth();
      tell(evidence);
      assert.match(checkEvidence(evidence).join('\n'), finding);
    });
  }
});
