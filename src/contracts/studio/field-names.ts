import { ParleyError } from '../../core/errors.ts';
import { inEnglish } from '../../core/issue.ts';

/** Core's fields in the words of this contract. */
const fieldNames: Readonly<Record<string, string>> = { model: 'model_name', message: 'content' };

/** What was thrown, its field spelled as clients of conversations and messages do. */
export function inOwnFields(thrown: unknown): unknown {
  if (!(thrown instanceof ParleyError) || thrown.issue === undefined) return thrown;
  const { code, issue } = thrown;
  const field = fieldNames[thrown.field ?? ''];
  if (field === undefined) return thrown;
  return new ParleyError(code, `${field}: ${inEnglish(issue)}`, { field, issue, cause: thrown });
}
