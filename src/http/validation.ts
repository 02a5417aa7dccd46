import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';

const options = { allErrors: false, useDefaults: true, removeAdditional: false, strict: false } as const;

/**
 * Validates with types as they were sent in bodies; in the address and headers, where everything is text, "20" may be
 * the number 20.
 */
export function createValidatorCompiler(): FastifySchemaCompiler<object> {
  const exact = withFormats(new Ajv({ ...options, coerceTypes: false }));
  const fromText = withFormats(new Ajv({ ...options, coerceTypes: true }));
  return ({ schema, httpPart }) => (httpPart === 'body' ? exact : fromText).compile(schema) as never;
}

function withFormats(ajv: Ajv): Ajv {
  (addFormats as unknown as { default: (ajv: Ajv) => Ajv }).default(ajv);
  return ajv;
}
