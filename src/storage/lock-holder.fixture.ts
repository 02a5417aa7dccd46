/** A process that uses the database at its first argument for what its second says, until it is killed. */
import { lockDatabase, type DatabaseUse } from './database-lock.ts';

const [path = '', use = ''] = process.argv.slice(2);
lockDatabase(path, use as DatabaseUse);
process.stdout.write('held');
setInterval(() => undefined, 1_000);
