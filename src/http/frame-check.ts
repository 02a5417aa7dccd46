import type { TSchema } from 'typebox';
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

interface Validate {
  (value: unknown): boolean;
  errors: unknown;
}
