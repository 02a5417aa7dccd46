import type { TSchema } from 'typebox';
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

/** Which of a door's frames this is; undefined for a `pong`, which nobody answers. Throws `invalid_request`. */
export function frameTypeOf<Type extends string>(
  { type }: Readonly<Record<string, unknown>>,
  types: readonly Type[],
): Type | undefined {
  if (type === 'pong') return undefined;
  const known = types.find((each) => each === type);
  if (known !== undefined) return known;
  const text = `The frame's "type" must be one of: ${types.join(', ')}.`;
  throw new ParleyError('invalid_request', text, { field: 'type' });
}

interface Validate {
  (value: unknown): boolean;
  errors: unknown;
}
