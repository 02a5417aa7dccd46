import { invalidField } from '../../core/errors.ts';

/** What clients may send (helpdesk.md, "消息类型"); `read`, `stop` and `presence` beside the document. */
export const frameTypes = ['auth', 'message', 'typing', 'read', 'stop', 'presence', 'ping'] as const;

/** A frame that is formed as it must be. */
export type Input =
  | { type: 'auth'; token: string | undefined; sessionId: string | undefined; cursor: string | undefined }
  | { type: 'message'; sessionId: string; content: string }
  | { type: 'typing'; sessionId: string; isTyping: boolean }
  | { type: 'read'; sessionId: string; upTo: number | undefined }
  | { type: 'stop'; sessionId: string }
  | { type: 'presence'; status: 'online' | 'away' }
  | { type: 'ping' };

type Fields = Readonly<Record<string, unknown>>;

/** Throws `invalid_request` with the field at fault; undefined for a `pong`, which nobody answers. */
export function inputOf(frame: Fields): Input | undefined {
  const type = textOf(frame, 'type', 'required');
  if (type === 'pong') return undefined;
  const known = frameTypes.find((each) => each === type);
  if (known === undefined) throw invalidField('type', { kind: 'choice', choices: frameTypes });
  return known === 'ping' ? { type: known } : dataOf(known, fieldsOf(frame, known === 'auth'));
}

function dataOf(type: Exclude<Input['type'], 'ping'>, data: Fields): Input {
  switch (type) {
    case 'auth':
      return {
        type,
        token: textOf(data, 'token'),
        sessionId: textOf(data, 'session_id'),
        cursor: textOf(data, 'cursor'),
      };
    case 'message': {
      const sessionId = textOf(data, 'session_id', 'required');
      const content = textOf(data, 'content', 'required');
      if (textOf(data, 'message_type') !== undefined) choiceOf(data, 'message_type', ['text']);
      return { type, sessionId, content };
    }
    case 'typing':
      return {
        type,
        sessionId: textOf(data, 'session_id', 'required'),
        isTyping: flagOf(data, 'is_typing') ?? true,
      };
    case 'read':
      return { type, sessionId: textOf(data, 'session_id', 'required'), upTo: messageIdOf(data) };
    case 'stop':
      return { type, sessionId: textOf(data, 'session_id', 'required') };
    case 'presence':
      return { type, status: choiceOf(data, 'status', ['online', 'away'] as const) };
  }
}

function fieldsOf({ data }: Fields, optional: boolean): Fields {
  if (data === undefined || data === null) {
    if (optional) return {};
    throw invalidField('data', { kind: 'required' });
  }
  if (typeof data !== 'object' || Array.isArray(data)) throw wrongType('data', 'object');
  return data as Fields;
}

function textOf(fields: Fields, name: string, presence: 'required'): string;
function textOf(fields: Fields, name: string): string | undefined;
function textOf(fields: Fields, name: string, presence?: 'required'): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null) {
    if (presence === undefined) return undefined;
    throw invalidField(name, { kind: 'required' });
  }
  if (typeof value !== 'string') throw wrongType(name, 'string');
  return value;
}

function flagOf(fields: Fields, name: string): boolean | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'boolean') throw wrongType(name, 'boolean');
  return value;
}

function choiceOf<Choice extends string>(fields: Fields, name: string, choices: readonly Choice[]): Choice {
  const value = textOf(fields, name, 'required');
  const chosen = choices.find((choice) => choice === value);
  if (chosen === undefined) throw invalidField(name, { kind: 'choice', choices });
  return chosen;
}

/** `up_to`, as messages are spelled. */
function messageIdOf(data: Fields): number | undefined {
  const text = textOf(data, 'up_to');
  if (text === undefined) return undefined;
  const id = /^msg_(\d{1,15})$/u.exec(text)?.[1];
  if (id === undefined) throw invalidField('up_to', { kind: 'invalid' });
  return Number(id);
}

function wrongType(field: string, type: string) {
  return invalidField(field, { kind: 'type', types: [type] });
}
