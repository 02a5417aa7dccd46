/** A process that locks the database named by its argument, says so, and lets go a while after it is told to. */
import { DatabaseSync } from 'node:sqlite';

const holdMs = 300;
const connection = new DatabaseSync(process.argv[2] ?? '', { timeout: 5000 });
connection.exec('BEGIN IMMEDIATE');
connection.exec("INSERT INTO settings VALUES ('theirs', '1', 0)");
process.stdout.write('locked');
process.stdin.once('data', () => {
  setTimeout(() => {
    connection.exec('COMMIT');
    connection.close();
    process.stdin.destroy();
  }, holdMs);
});
