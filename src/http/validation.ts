import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';

/** `verbose`: a refusal says what else the schema wants of the field. */
const options = {
  allErrors: false,
  useDefaults: true,
  removeAdditional: false,
  strict: false,
  verbose: true,
} as const;

/**
 * Validates with types as they were sent in bodies; in the address and headers, where everything is text, "20" may be
 * the number 20. Schemas are compiled when they are first needed: all of them at once were a tenth of the start.
 */
export function createValidatorCompiler(): FastifySchemaCompiler<object> {
  const exact = withFormats(new Ajv({ ...options, coerceTypes: false }));
  const fromText = withFormats(new Ajv({ ...options, coerceTypes: true }));
  return ({ schema, httpPart }) => compiledLate(httpPart === 'body' ? exact : fromText, schema) as never;
}

function withFormats(ajv: Ajv): Ajv {
  (addFormats as unknown as { default: (ajv: Ajv) => Ajv }).default(ajv);
  return ajv;
}

/** As Fastify and we call it: what is wrong is told by the function's `errors`. */
function compiledLate(ajv: Ajv, schema: object) {
  let compiled: ValidateFunction | undefined;
  const validate = (data: unknown): boolean => {
    compiled ??= ajv.compile(schema);
    const isValid = compiled(data);
    validate.errors = compiled.errors;
    return isValid;
  };
  validate.errors = undefined as ValidateFunction['errors'];
  return validate;
}
