/** A process that migrates the file named by its argument and prints what it applied. */
import { migrate } from './migrate.ts';
import { migrations } from './migrations/list.ts';

const applied = migrate({ path: process.argv[2] ?? '', migrations, now: Date.now });
process.stdout.write(JSON.stringify(applied));
