import assert from 'node:assert/strict';
import { password } from '../support/accounts.ts';
import type { Callers } from '../support/callers.ts';

/** What a log must not hold. */
export interface Secrets {
  add(what: string, text: string): void;
  /** All that `callers` show. */
  addCallers(callers: Callers): void;
  assertNoneIn(log: string): void;
}

export function createSecrets(): Secrets {
  const secrets = new Map([[password, 'a password']]);
  const add: Secrets['add'] = (what, text) => {
    assert.ok(text.length >= 8, `${what} is too short to be looked for`);
    secrets.set(text, what);
  };
  return {
    add,
    addCallers(callers) {
      for (const [name, headers] of Object.entries(callers)) {
        const key = headers['x-api-key'];
        if (key !== undefined) add(`the API key “${name}”`, key);
        const token = headers['authorization']?.slice('Bearer '.length);
        if (token === undefined) continue;
        add(`a token of “${name}”`, token);
        add(`the signature of a token of “${name}”`, token.split('.')[2] ?? '');
      }
    },
    assertNoneIn(log) {
      assert.ok(log.includes('"request"'), 'requests were logged');
      for (const [text, what] of secrets) {
        const at = log.indexOf(text);
        const line = log.slice(log.lastIndexOf('\n', at) + 1, log.indexOf('\n', at));
        assert.equal(at, -1, `${what} is in the log: ${line}`);
      }
    },
  };
}
