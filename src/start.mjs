import module from 'node:module';
import { fileURLToPath } from 'node:url';

// Plain JavaScript, because it must run far enough to explain itself on a Node that cannot run the rest.
const neededMajor = 24;
if (Number(process.versions.node.split('.')[0]) < neededMajor) {
  process.stderr.write(
    `Parley needs Node ${neededMajor} or newer, but this is ${process.versions.node}. "npm ci" brings one for Linux, macOS and Windows; ` +
      'elsewhere install it yourself and run "node src/start.mjs".\n',
  );
  process.exit(1);
}

// Halves the time to start from the second start on. Where the folder cannot be written, nothing is cached.
module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/parley', import.meta.url)));
await import('./main.ts');
