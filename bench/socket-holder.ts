import { once } from 'node:events';
import { spawnNode } from './children.ts';
import type { Held } from './parties/socket-holder.ts';

/** A process that holds WebSockets open. */
export interface SocketHolder {
  /** Opens a socket to each address, and throws unless these and all earlier ones stay open. */
  open(addresses: readonly string[]): Promise<void>;
  closeAll(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the holding process. */
export function startSocketHolder(): SocketHolder {
  const script = new URL('parties/socket-holder.ts', import.meta.url).pathname;
  const child = spawnNode({ name: 'socket-holder', args: [script] }, ['ignore', 'inherit', 'inherit', 'ipc']);
  const died = once(child, 'exit').then(([code, signal]: unknown[]) => {
    throw new Error(`the holder of the sockets ended (${String(signal ?? code)})`);
  });
  died.catch(() => undefined);
  let wanted = 0;
  const ask = async (addresses: readonly string[]): Promise<Held> => {
    const answered = once(child, 'message');
    child.send(addresses);
    const [held] = (await Promise.race([answered, died])) as [Held];
    return held;
  };
  return {
    async open(addresses) {
      wanted += addresses.length;
      const { open, firstError } = await ask(addresses);
      if (open < wanted)
        throw new Error(`only ${open} of ${wanted} sockets stayed open: ${firstError ?? 'no reason given'}`);
    },
    async closeAll() {
      wanted = 0;
      await ask([]);
    },
    async stop() {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
    },
  };
}
