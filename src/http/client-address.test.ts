import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import { createClientAddress } from './client-address.ts';

const request = (peer: string | undefined, forwarded?: string | string[]) =>
  ({
    socket: { remoteAddress: peer },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  }) as unknown as IncomingMessage;

type Case = [
  what: string,
  trusted: string[],
  peer: string | undefined,
  forwarded: string | string[] | undefined,
  client: string,
];

const cases: Case[] = [
  ['a direct client', [], '203.0.113.9', undefined, '203.0.113.9'],
  ['a direct client on a dual-stack socket', [], '::ffff:203.0.113.9', undefined, '203.0.113.9'],
  ['a direct IPv6 client', [], '2001:db8::1', undefined, '2001:db8::1'],
  ['a connection that is gone', [], undefined, undefined, ''],
  ['a header where no proxy is trusted', [], '203.0.113.9', '198.51.100.1', '203.0.113.9'],
  ['a header from a stranger', ['10.0.0.1'], '203.0.113.9', '198.51.100.1', '203.0.113.9'],
  ['a client behind a proxy', ['10.0.0.1'], '10.0.0.1', '198.51.100.1', '198.51.100.1'],
  ['a proxy on a dual-stack socket', ['10.0.0.1'], '::ffff:10.0.0.1', '198.51.100.1', '198.51.100.1'],
  ['a proxy trusted by its mapped address', ['::ffff:10.0.0.1'], '10.0.0.1', '198.51.100.1', '198.51.100.1'],
  ['a client that invents hops', ['10.0.0.1'], '10.0.0.1', '1.1.1.1, 10.0.0.1, 198.51.100.1', '198.51.100.1'],
  ['a chain of proxies', ['10.0.0.0/8'], '10.0.0.1', '1.1.1.1, 198.51.100.1,10.9.9.9', '198.51.100.1'],
  ['a proxy outside the CIDR', ['10.0.0.0/8'], '11.0.0.1', '198.51.100.1', '11.0.0.1'],
  ['two headers', ['10.0.0.1'], '10.0.0.1', ['1.1.1.1', '198.51.100.1'], '198.51.100.1'],
  ['a proxy without the header', ['10.0.0.1'], '10.0.0.1', undefined, '10.0.0.1'],
  ['a proxy that asks for itself', ['10.0.0.0/8'], '10.0.0.1', '10.0.0.2', '10.0.0.2'],
  ['nonsense', ['10.0.0.1'], '10.0.0.1', 'unknown', '10.0.0.1'],
  ['an empty header', ['10.0.0.1'], '10.0.0.1', '', '10.0.0.1'],
  ['nonsense before a good hop', ['10.0.0.0/8'], '10.0.0.1', '<script>, 10.0.0.2', '10.0.0.2'],
  ['a mapped hop', ['10.0.0.1'], '10.0.0.1', '::ffff:198.51.100.1', '198.51.100.1'],
  ['an IPv6 proxy', ['2001:db8:1::/48'], '2001:db8:1::5', '2001:db8:2::1', '2001:db8:2::1'],
  ['an IPv6 proxy outside the CIDR', ['2001:db8:1::/48'], '2001:db8:2::5', '2001:db8:3::1', '2001:db8:2::5'],
  ['a trusted network of the other kind', ['::/0'], '10.0.0.1', '198.51.100.1', '10.0.0.1'],
  ['one of several proxies', ['10.0.0.1', 'fd00::/8'], 'fd00::2', '198.51.100.1', '198.51.100.1'],
];

describe('the client’s address', () => {
  for (const [what, trusted, peer, forwarded, client] of cases) {
    it(what, () => assert.equal(createClientAddress(trusted)(request(peer, forwarded)), client));
  }

  it('wants addresses and CIDRs for proxies', () => {
    for (const wrong of ['nginx', '10.0.0.0/99']) assert.throws(() => createClientAddress([wrong]));
  });
});
