/** A process that makes sure of the secret in the file named by its argument and prints it. */
import { randomBytes } from 'node:crypto';
import { ensureSecret } from './secret-file.ts';

process.stdout.write(ensureSecret(process.argv[2] ?? '', () => randomBytes(32).toString('base64url')));
