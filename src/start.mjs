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

// From the second start on this halves the time to start and spares 20 MB a thread, because nothing is stripped of its
// types again; worker threads learn of the folder by the variable. Where it cannot be written, nothing is cached.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../node_modules/.cache/parley', import.meta.url));
module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
await import('./main.ts');
module.flushCompileCache();
