import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findTrespasses } from './rooms.ts';

const src = fileURLToPath(new URL('../src/', import.meta.url));

it('every file of src keeps to its room', () => {
  const paths = globSync('**/*.{ts,mjs}', { cwd: src }).map((path) => path.replaceAll('\\', '/'));
  assert.ok(paths.length > 100, 'the sources were found');
  const sources = new Map(paths.map((path) => [path, readFileSync(src + path, 'utf8')]));
  assert.deepEqual(findTrespasses(sources), []);
});

describe('the check finds', () => {
  const trespasses: Record<string, [path: string, source: string]> = {
    'a contract that knows its sibling': [
      'contracts/gateway/present.ts',
      "import { a } from '../openai/present.ts';",
    ],
    'a contract that knows its sibling by type': [
      'contracts/gateway/routes/chat.ts',
      "import type { A } from '../../openai/options.ts';",
    ],
    'a contract that knows storage': [
      'contracts/gateway/a.ts',
      "import type { A } from '../../storage/users.ts';",
    ],
    'a contract that knows a provider': [
      'contracts/gateway/a.ts',
      "import { a } from '../../providers/anthropic.ts';",
    ],
    'a contract that knows the assembly': [
      'contracts/gateway/a.ts',
      "import type { App } from '../../app.ts';",
    ],
    'http that knows a contract': ['http/a.ts', "import { a } from '../contracts/gateway/plugin.ts';"],
    'core that loads storage': ['core/a.ts', "import { a } from '../storage/users.ts';"],
    'core that loads storage beside a type': [
      'core/a.ts',
      "import { type A, a } from '../storage/users.ts';",
    ],
    'core that loads storage for nothing but types': [
      'core/a.ts',
      "import { type A } from '../storage/users.ts';",
    ],
    'core that knows http': ['core/a.ts', "import type { A } from '../http/access.ts';"],
    'core that knows a vendor library': ['core/a.ts', "import { Pool } from 'undici';"],
    'core that knows requests': ['core/a.ts', "import type { FastifyRequest } from 'fastify';"],
    'a provider that loads core': ['providers/a.ts', "import { a } from '../core/completions/catalogue.ts';"],
    'the room of Redis that loads core': [
      'redis/a.ts',
      "import { createMemoryLimits } from '../core/limits/memory-limits.ts';",
    ],
    'core that loads the room of Redis': ['core/a.ts', "import { createRedisBus } from '../redis/bus.ts';"],
    'core that knows a client of Redis': ['core/a.ts', "import { Redis } from 'ioredis';"],
    'storage that knows core': ['storage/a.ts', "import type { A } from '../core/errors.ts';"],
    'configuration that loads core': ['config/a.ts', "import { a } from '../core/core.ts';"],
    'an import over several lines': ['core/a.ts', "import {\n  a,\n  b,\n} from '../storage/users.ts';"],
    'a re-export': ['core/a.ts', "export { a } from '../storage/users.ts';"],
    'an import for its effect': ['core/a.ts', "import '../storage/users.ts';"],
    'an import at run time': ['core/a.ts', "const a = await import('../storage/users.ts');"],
    'a product file that uses a test’s': ['core/a.ts', "import { a } from './a.fixture.ts';"],
    'a product file that uses a script': ['core/a.ts', "import { a } from '../../scripts/configuration.ts';"],
    'a file in no room': ['elsewhere/a.ts', "import { a } from '../core/core.ts';"],
    'a name that says nothing': ['core/index.ts', ''],
    'a folder that says nothing': ['core/utils/text.ts', ''],
    'half a name that says nothing': ['core/session-manager.ts', ''],
    'SQL in core': ['core/a.ts', "const query = 'SELECT id FROM users';"],
    'SQL in lower case, over lines': ['http/a.ts', 'const query = `\n  delete from users`;'],
    'an address of a contract in core': ['core/a.ts', "const path = '/api/v1/models';"],
  };
  for (const [what, [path, source]] of Object.entries(trespasses)) {
    it(what, () => {
      const found = findTrespasses(new Map([[path, source]]));
      assert.equal(found.length, 1, found.join('\n'));
    });
  }

  it('files that need each other', () => {
    const sources = new Map([
      ['core/a.ts', "import { b } from './b.ts';"],
      ['core/b.ts', "import { c } from './c.ts';"],
      ['core/c.ts', "import { a } from './a.ts';"],
    ]);
    assert.deepEqual(findTrespasses(sources), ['cycle: core/a.ts → core/b.ts → core/c.ts → core/a.ts']);
  });
});

describe('the check lets pass', () => {
  const fine: Record<string, [path: string, source: string]> = {
    'a contract that uses core, http and its own': [
      'contracts/gateway/routes/chat.ts',
      "import { a } from '../../../core/errors.ts';\nimport { b } from '../../../http/access.ts';\nimport { c } from '../present.ts';",
    ],
    'core that knows a type of storage': ['core/a.ts', "import type {\n  A,\n} from '../storage/users.ts';"],
    'a provider that throws core’s errors': [
      'providers/local/a.ts',
      "import { ParleyError } from '../../core/errors.ts';\nimport type { A } from '../../core/completions/provider.ts';",
    ],
    'the room of Redis, which knows what it plugs into and how a node tells its own': [
      'redis/a.ts',
      "import { Redis } from 'ioredis';\nimport { createListeners, type Bus } from '../core/realtime/bus.ts';\nimport type { Limits } from '../core/limits/limits.ts';",
    ],
    'the assembly': ['app.ts', "import { a } from './storage/storage.ts';\nimport fastify from 'fastify';"],
    'tests, which use whatever they need': [
      'core/a.test.ts',
      "import { a } from '../storage/users.ts';\nconst query = 'SELECT id FROM users';",
    ],
    'addresses and SQL in comments': [
      'core/a.ts',
      "/**\n * '/api/v1/models' and 'SELECT a FROM b'\n */\n// '/api/v1'\nexport const a = 1;",
    ],
  };
  for (const [what, [path, source]] of Object.entries(fine)) {
    it(what, () => assert.deepEqual(findTrespasses(new Map([[path, source]])), []));
  }

  it('types that know each other', () => {
    const sources = new Map([
      ['core/a.ts', "import { b } from './b.ts';"],
      ['core/b.ts', "import type { A } from './a.ts';"],
    ]);
    assert.deepEqual(findTrespasses(sources), []);
  });
});
