import type { Discovery } from '../core/completions/discovery.ts';
import type { ProviderSlot } from '../core/completions/router.ts';
import type { Housekeeping } from '../core/housekeeping.ts';
import type { Log } from '../core/log.ts';
import type { Runtime } from '../core/runtime.ts';
import type { Leaving } from '../http/leaving.ts';
import { shuttingDown, type Running } from '../http/running.ts';
import { closeCodes, type Sockets } from '../http/sockets.ts';
import type { Storage } from '../storage/storage.ts';
import type { openCore } from './open-core.ts';
import type { OpenedKnowledge } from './open-knowledge.ts';
import type { OpenedNode } from './open-node.ts';

/** What runs, and ends when the app is closed. */
export interface Closing {
  server: {
    close: () => Promise<undefined>;
    server: { closeIdleConnections: () => void; closeAllConnections: () => void };
  };
  sockets: Sockets;
  running: Running;
  leaving: Leaving;
  opened: Pick<
    Awaited<ReturnType<typeof openCore>>,
    | 'turns'
    | 'feed'
    | 'storeWatch'
    | 'search'
    | 'maintenanceWatch'
    | 'deskWatch'
    | 'presence'
    | 'dispatcher'
    | 'cache'
  >;
  discovery: Discovery;
  knowledge: Pick<OpenedKnowledge, 'close'>;
  storage: Storage;
  node: Pick<OpenedNode, 'bus' | 'close'>;
  slots: Map<string, ProviderSlot>;
  housekeeping: Housekeeping;
  log: Log;
}

/** How long cancelled answers may take to say so. */
const lastWordsMs = 2_000;

/** Ends everything in the order in which it can still say what it has to: see `App.close`. */
export async function close(
  app: Closing,
  runtime: Runtime,
  { graceMs, delayMs }: { graceMs: number; delayMs: number },
): Promise<void> {
  const { server, sockets, running } = app;
  const hasOthers = app.node.bus.state() !== 'alone';
  const { turns, feed: watched, storeWatch, search, maintenanceWatch, deskWatch, dispatcher } = app.opened;
  const within = async (work: Promise<unknown>, ms: number) => {
    const waiting = new AbortController();
    await Promise.race([work, runtime.sleep(ms, waiting.signal).catch(() => {})]);
    waiting.abort();
  };
  app.leaving.begin();
  if (delayMs > 0) await runtime.sleep(delayMs);
  const closeSockets = () => sockets.closeAll(closeCodes.serviceRestart, 'service restart');
  // Who reconnects finds another node, on which answers that are made here go on.
  const leaving = hasOthers ? closeSockets() : undefined;
  maintenanceWatch.stop();
  deskWatch.stop();
  app.discovery.stop();
  app.knowledge.close();
  app.housekeeping.stop();
  search.stop();
  running.drain();
  turns.drain();
  const closed = server.close().catch((err: unknown) => app.log.error({ err }, 'the server did not close'));
  await within(Promise.all([running.idle(), turns.idle()]), graceMs);
  turns.interruptAll();
  await within(turns.idle(), lastWordsMs);
  await within(dispatcher.stop(), lastWordsMs);
  await within(watched.settled(), lastWordsMs);
  running.abortAll(shuttingDown());
  await within(running.idle(), lastWordsMs);
  app.opened.presence.close();
  const left = leaving ?? closeSockets();
  server.server.closeIdleConnections();
  await within(Promise.all([closed, left]), lastWordsMs);
  sockets.close();
  server.server.closeAllConnections();
  storeWatch.stop();
  turns.end();
  await app.housekeeping.run();
  app.opened.cache.stop();
  await Promise.allSettled([...app.slots.values()].map(({ provider }) => provider.close()));
  await app.storage.close();
  await app.node.close();
}
