import type { WebSocket } from 'ws';

/** The open sockets of the process, and which of them still answer. */
export interface Pulse {
  readonly sockets: ReadonlySet<WebSocket>;
  /** Until it closes. */
  watch(socket: WebSocket): void;
  /** Ends the sockets that did not answer the beat before, and asks the others again. */
  beat(): void;
}

/** Pings that are sent in one go; others have their turn before the next. */
const atOnce = 250;

/** A client that sends pings without end and reads no answer may let this many bytes wait. */
const mostWaitingBytes = 8 * 1024 * 1024;

export function createPulse(): Pulse {
  const sockets = new Set<WebSocket>();
  /** Asked and not answered yet: few, and none of most at most times, which a mark on every socket would not be. */
  const silent = new Set<WebSocket>();

  function answered(this: WebSocket): void {
    silent.delete(this);
  }
  function closed(this: WebSocket): void {
    sockets.delete(this);
    silent.delete(this);
  }
  const ask = (socket: WebSocket): void => {
    if (silent.has(socket) || socket.bufferedAmount > mostWaitingBytes) return socket.terminate();
    silent.add(socket);
    socket.ping();
  };
  const askAll = (rest: SetIterator<WebSocket>): void => {
    for (let asked = 0; asked < atOnce; asked++) {
      const { value, done } = rest.next();
      if (done === true) return;
      ask(value);
    }
    setImmediate(askAll, rest);
  };

  return {
    sockets,
    watch(socket) {
      sockets.add(socket);
      socket.on('pong', answered);
      socket.on('error', ignore);
      socket.on('close', closed);
    },
    beat: () => askAll(sockets.values()),
  };
}

/** What goes wrong on a socket closes it, and that is listened to. */
function ignore(): void {}
