import type { FastifyRequest } from 'fastify';
import { ParleyError } from '../../core/errors.ts';
import type { Place, Question } from '../../core/turns/turn.ts';
import type { MessageFrame, SessionParams, StreamRequest } from './schemas.ts';

type Asking = Omit<StreamRequest, 'message'> & Partial<MessageFrame['data']>;

/** A question of this contract in core's words. */
export function questionOf(
  { system_prompt, model, temperature, max_tokens }: Asking,
  text: string,
  place: Place,
  from: Pick<Question, 'endpoint' | 'requestId' | 'idempotency'>,
): Question {
  return {
    contract: 'assistant',
    ...from,
    place,
    text,
    systemPrompt: system_prompt ?? undefined,
    model: model ?? undefined,
    temperature: temperature ?? undefined,
    maxTokens: max_tokens ?? undefined,
  };
}

/** The session of a route's address. Throws `not_found` for what can be none. */
export function sessionOf({ params }: Pick<FastifyRequest<{ Params: SessionParams }>, 'params'>): number {
  const id = numberOf(params.session_id);
  if (id === undefined) throw noSession();
  return id;
}

/** The id that `text` spells; undefined for what is no id. */
export function numberOf(text: string): number | undefined {
  const id = /^\d{1,16}$/u.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(id) ? id : undefined;
}

export function noSession(): ParleyError {
  return new ParleyError('not_found', 'There is no such session.');
}

export function noAnswerRunning(): ParleyError {
  return new ParleyError('not_found', 'No answer is on its way in this session. Send a message.');
}

export function badEventId(): ParleyError {
  const text = 'Last-Event-ID: must be the id of an event of this session’s stream, such as "55:120"';
  return new ParleyError('invalid_request', text, { field: 'Last-Event-ID' });
}
