import type { ConversationExport, ExportedChange, ExportedMessage } from '../../core/desk/export.ts';
import { byteOrderMark, csvLine } from '../../http/csv.ts';
import { presentConversation } from './present-conversation.ts';
import { presentCustomer, presentNote } from './present-desk.ts';
import { presentMessage } from './present.ts';

/** A conversation as a JSON document, piece by piece. */
export async function* exportedJson(exported: ConversationExport, at: string): AsyncGenerator<string> {
  const { conversation, metadata, systemPrompt } = exported;
  const head = {
    exported_at: at,
    conversation: { ...presentConversation(conversation), metadata, system_prompt: systemPrompt },
    customer: presentCustomer(conversation.customer),
  };
  yield JSON.stringify(head).slice(0, -1);
  yield* listed('messages', exported.messages(), (message) => presentExported(conversation, message));
  yield* listed('notes', exported.notes(), presentNote);
  yield* listed('changes', exported.changes(), presentChange);
  yield '}\n';
}

async function* listed<T>(
  name: string,
  pages: AsyncGenerator<T[]>,
  present: (item: T) => object,
): AsyncGenerator<string> {
  yield `,${JSON.stringify(name)}:[`;
  let separator = '';
  for await (const page of pages) {
    if (page.length === 0) continue;
    yield separator + page.map((item) => JSON.stringify(present(item))).join(',');
    separator = ',';
  }
  yield ']';
}

const columns = ['kind', 'id', 'created_at', 'sender_type', 'sender_id', 'sender_name', 'status', 'content'];

/** The messages and notes of a conversation as CSV, piece by piece. */
export async function* exportedCsv(exported: ConversationExport): AsyncGenerator<string> {
  yield byteOrderMark + csvLine(columns);
  for await (const page of exported.messages()) {
    yield page.map((message) => csvLine(messageCells(message))).join('');
  }
  for await (const page of exported.notes()) {
    const cells = page.map(({ id, author, content, createdAt }) =>
      csvLine(['note', String(id), isoTime(createdAt), 'human', author.id, author.name, '', content]),
    );
    yield cells.join('');
  }
}

function messageCells(message: ExportedMessage) {
  const { id, createdAt, senderType, senderId, senderName, state, content } = message;
  return ['message', `msg_${id}`, isoTime(createdAt), senderType, senderId, senderName, state, content];
}

function presentExported(conversation: ConversationExport['conversation'], message: ExportedMessage) {
  const { senderId, senderName, receipt, model, finishReason, errorText } = message;
  const names = new Map(senderId === null ? [] : [[senderId, senderName ?? '']]);
  return {
    ...presentMessage(conversation, message, names),
    receipt,
    model,
    finish_reason: finishReason,
    error: errorText,
  };
}

function presentChange(change: ExportedChange) {
  const { at, cause, status, agentType, assigneeId, assigneeName, priority, tags } = change;
  const { actorId, actorName, reason } = change;
  return {
    at: isoTime(at),
    cause,
    status,
    agent_type: agentType,
    assignee: assigneeId === null ? null : { id: assigneeId, name: assigneeName ?? '' },
    priority,
    tags,
    actor: actorId === null ? null : { id: actorId, name: actorName ?? '' },
    reason,
  };
}

function isoTime(at: number): string {
  return new Date(at).toISOString();
}
