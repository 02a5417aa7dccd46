import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';

/** The address a request comes from, as limits and records count it. */
export type ClientAddress = (request: IncomingMessage) => string;

type Network = [ipaddr.IPv4 | ipaddr.IPv6, number];

/**
 * Reads the client's address. `X-Forwarded-For` counts only where the connection comes from one of `trusted` (IPs or
 * CIDRs); of its entries, the last that is not itself a trusted proxy.
 */
export function createClientAddress(trusted: readonly string[]): ClientAddress {
  const networks = trusted.map(parseNetwork);
  if (networks.length === 0) return (request) => plain(request.socket.remoteAddress ?? '');

  const isTrusted = (address: string) => networks.some((network) => contains(network, address));
  return (request) => {
    const peer = plain(request.socket.remoteAddress ?? '');
    const header = request.headers['x-forwarded-for'];
    if (header === undefined || !isTrusted(peer)) return peer;
    const hops = (Array.isArray(header) ? header.join(',') : header)
      .split(',')
      .map((hop) => plain(hop.trim()));
    let client = peer;
    for (const hop of hops.reverse()) {
      if (!ipaddr.isValid(hop)) break;
      client = hop;
      if (!isTrusted(hop)) break;
    }
    return client;
  };
}

function parseNetwork(text: string): Network {
  if (text.includes('/')) return ipaddr.parseCIDR(text);
  const address = ipaddr.process(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

function contains([network, bits]: Network, text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  return address.kind() === network.kind() && address.match([network, bits] as [ipaddr.IPv4, number]);
}

/** IPv4 addresses that reach a dual-stack socket come as `::ffff:1.2.3.4`. */
function plain(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
