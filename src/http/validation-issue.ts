import type { FastifyError } from 'fastify';
import { inEnglish, type Issue } from '../core/issue.ts';

/** What the validator found. */
export type Problem = NonNullable<FastifyError['validation']>[number];

/** What the validator found, as an issue that can be said in any language. */
export function issueOf(problem: Problem): Issue {
  const { keyword, params } = problem;
  const limit = params['limit'] as number;
  switch (keyword) {
    case 'required':
      return { kind: 'required' };
    case 'type':
      return { kind: 'type', types: [params['type']].flat() as string[] };
    case 'minLength':
      return limit === 1 ? { kind: 'empty' } : { kind: 'length', min: limit };
    case 'maxLength':
      return { kind: 'length', max: limit };
    case 'pattern':
      return params['pattern'] === '\\S' ? { kind: 'empty' } : { kind: 'invalid' };
    case 'minimum':
    case 'maximum':
      return rangeOf(problem);
    case 'minItems':
    case 'maxItems':
      return { kind: 'count', [keyword === 'minItems' ? 'min' : 'max']: limit };
    case 'minProperties':
      return { kind: 'nothing_to_change' };
    case 'uniqueItems':
      return { kind: 'repeated' };
    case 'enum':
      return { kind: 'choice', choices: params['allowedValues'] as unknown[] };
    case 'const':
      return { kind: 'choice', choices: [params['allowedValue']] };
    case 'additionalProperties':
      return { kind: 'unknown_field' };
    case 'format':
      return formats[params['format'] as string] ?? { kind: 'invalid' };
    default:
      return { kind: 'invalid' };
  }
}

/** Bounds beyond this are only there for numbers to stay whole. */
const tellable = 1_000_000_000;

/** Both bounds of the field, where the schema has both. */
function rangeOf({ keyword, params, parentSchema }: Problem & { parentSchema?: Bounded }): Issue {
  const { minimum, maximum, type } = parentSchema ?? { [keyword]: params['limit'] as number };
  const mostTold = keyword === 'maximum' || (maximum ?? 0) <= tellable ? maximum : undefined;
  return {
    kind: 'range',
    ...(minimum !== undefined && { min: minimum }),
    ...(mostTold !== undefined && { max: mostTold }),
    ...(type === 'integer' && { whole: true }),
  };
}

/** The schema of a number. */
interface Bounded {
  minimum?: number;
  maximum?: number;
  type?: unknown;
}

const formats: Record<string, Issue> = {
  email: { kind: 'email' },
  'date-time': { kind: 'time' },
  uri: { kind: 'url' },
};

/** What people meet most: what is missing, a text of nothing, a number out of its bounds. */
const inOurWords: ReadonlySet<Issue['kind']> = new Set(['required', 'empty', 'range']);

/** The validator's own words, or ours, which say more. */
export function validatorText({ message = 'is not valid' }: Problem, issue: Issue): string {
  return inOurWords.has(issue.kind) ? inEnglish(issue) : message;
}
