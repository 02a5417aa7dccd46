/** Drops the databases that are named: what `postgres.ts` has to do when the harness ends. */
import { dropDatabase } from './postgres.ts';

for (const name of process.argv.slice(2)) await dropDatabase(name);
