import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { SearchedStore } from './message-search.suite.ts';
import { openStorage } from './storage.ts';
import { temporaryFolder } from './temporary-folder.fixture.ts';

/** An empty store in SQLite, which is removed after the test. */
export function sqliteStore(test: TestContext): SearchedStore {
  const path = join(temporaryFolder(test), 'parley.db');
  return {
    open: () => openStorage({ path }),
    run(sql) {
      const beside = new DatabaseSync(path);
      beside.exec(sql);
      beside.close();
      return Promise.resolve();
    },
  };
}
