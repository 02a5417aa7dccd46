import type { TSchema } from 'typebox';
import type { RawData } from 'ws';
import { ParleyError } from '../core/errors.ts';
import { requestError } from './request-errors.ts';
import { createValidatorCompiler } from './validation.ts';

/** Throws `invalid_request`, with the field named, for a frame that is no `T`. */
export type FrameCheck<T> = (frame: unknown) => asserts frame is T;

/** A check of a socket's frames against their schema. */
export function createFrameCheck<T>(schema: TSchema): FrameCheck<T> {
  const validate = createValidatorCompiler()({ schema, method: '', url: '', httpPart: 'body' }) as Validate;
  return (frame) => {
    if (!validate(frame)) throw requestError({ validation: validate.errors, validationContext: 'frame' });
  };
}

/** A frame as it came, as the JSON object that every frame is. Throws `invalid_request`. */
export function parseFrame(data: RawData, isBinary: boolean, mostBytes: number): Record<string, unknown> {
  if (isBinary) throw badFrame('Binary frames are not understood; send JSON as text.', 'frame');
  const bytes = data as Buffer;
  if (bytes.length > mostBytes) {
    const text = `The frame is larger than ${mostBytes} bytes.`;
    const issue = { kind: 'size', max: mostBytes } as const;
    throw new ParleyError('invalid_request', text, { field: 'frame', issue });
  }
  let frame: unknown;
  try {
    frame = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw badFrame('The frame is not valid JSON.', 'frame');
  }
  if (typeof frame !== 'object' || frame === null || Array.isArray(frame)) {
    throw badFrame('The frame must be a JSON object with a "type".', 'type');
  }
  return frame as Record<string, unknown>;
}

/** The refusal of a frame, with the field at fault. */
export function badFrame(message: string, field: string): ParleyError {
  return new ParleyError('invalid_request', message, { field });
}

/** The name that a client gave a frame, to be echoed in the answer; whether it will do is judged where it matters. */
export function frameIdOf({ id }: Readonly<Record<string, unknown>>): string | number | undefined {
  if (typeof id === 'string') return id.slice(0, 255);
  return typeof id === 'number' ? id : undefined;
}

/** Which of a door's frames this is; undefined for a `pong`, which nobody answers. Throws `invalid_request`. */
export function frameTypeOf<Type extends string>(
  { type }: Readonly<Record<string, unknown>>,
  types: readonly Type[],
): Type | undefined {
  if (type === 'pong') return undefined;
  const known = types.find((each) => each === type);
  if (known !== undefined) return known;
  throw badFrame(`The frame's "type" must be one of: ${types.join(', ')}.`, 'type');
}

interface Validate {
  (value: unknown): boolean;
  errors: unknown;
}
