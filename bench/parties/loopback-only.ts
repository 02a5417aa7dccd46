/**
 * Preloaded (`--import`) into a party that can only listen on every interface: it listens on a free port of
 * 127.0.0.1 instead, and prints it. Nothing else of the party changes.
 */
import { Server, type AddressInfo } from 'node:net';

const listen = Server.prototype.listen as (this: Server, ...args: unknown[]) => Server;

Server.prototype.listen = function listenOnLoopback(this: Server, ...args: unknown[]): Server {
  const ready = args.findLast((argument) => typeof argument === 'function');
  this.once('listening', () => {
    process.stdout.write(`http://127.0.0.1:${(this.address() as AddressInfo).port}\n`);
  });
  return listen.call(this, { host: '127.0.0.1', port: 0, backlog: 4096 }, ready);
} as typeof Server.prototype.listen;
