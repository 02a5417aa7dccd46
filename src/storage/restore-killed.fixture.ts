/** A process that restores its first argument to its second, and is killed when the step that its third names begins. */
import { restore } from './sqlite-restore.ts';

const [file = '', path = '', last = ''] = process.argv.slice(2);
restore({
  file,
  path,
  now: Date.now,
  onStep(step) {
    if (step === last) process.kill(process.pid, 'SIGKILL');
  },
});
