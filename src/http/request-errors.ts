import type { FastifyError } from 'fastify';
import { asParleyError, ParleyError, type ErrorCode } from '../core/errors.ts';
import { issueOf, validatorText } from './validation-issue.ts';

/** Fastify's own refusals, in core's words. */
const frameworkCodes: Record<string, [ErrorCode, string]> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['payload_too_large', 'The request body is larger than this address accepts.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'Send the request body as application/json.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['invalid_request', 'The request body is empty; send JSON.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['invalid_request', 'The body is not as long as Content-Length says.'],
  FST_CP_ERR_INVALID_CONTENT_ENCODING: [
    'unsupported_media_type',
    'This Content-Encoding is not understood; send the request body as it is, or as gzip.',
  ],
  FST_CP_ERR_INVALID_CONTENT: [
    'invalid_request',
    'The request body is not in the encoding that Content-Encoding says.',
  ],
  FST_ERR_BAD_URL: ['invalid_request', 'The address is not a valid URL.'],
};

/** Whatever a route threw, or Fastify refused, as a `ParleyError`. */
export function requestError(thrown: unknown): ParleyError {
  if (thrown instanceof ParleyError) return thrown;
  const error = (thrown ?? {}) as Partial<FastifyError>;
  const problem = error.validation?.[0];
  if (problem !== undefined) {
    const { missingProperty: missing, additionalProperty: unknown } = problem.params as Record<
      string,
      string
    >;
    const path = [...problem.instancePath.split('/').slice(1), ...[missing ?? unknown ?? []].flat()];
    const field = path.join('.') || (error.validationContext ?? 'body');
    const issue = issueOf(problem);
    return new ParleyError('invalid_request', `${field}: ${validatorText(problem, issue)}`, { field, issue });
  }
  const known = frameworkCodes[error.code ?? ''];
  if (known !== undefined) return new ParleyError(...known);
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) {
    return new ParleyError('invalid_request', 'The request is not valid.', { cause: thrown });
  }
  return asParleyError(thrown);
}
