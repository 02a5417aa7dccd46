import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAddressRules } from './addresses.ts';

const publicOnly = createAddressRules([]);

describe('addresses that are refused', () => {
  const refused: Record<string, string[]> = {
    'this machine': ['127.0.0.1', '127.255.255.254', '::1'],
    unspecified: ['0.0.0.0', '0.1.2.3', '::'],
    private: ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fd12:3456::1'],
    'link-local, with clouds’ metadata': ['169.254.0.1', '169.254.169.254', 'fe80::1', 'febf::1'],
    'of a provider’s own network': ['100.64.0.1', '100.127.255.255'],
    multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1'],
    broadcast: ['255.255.255.255'],
    'for documentation': ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1'],
    'for measurements': ['198.18.0.1', '198.19.255.255', '2001:2::1'],
    reserved: [
      '240.0.0.1',
      '254.1.2.3',
      '192.0.0.1',
      '192.88.99.1',
      '2001:10::1',
      '100::1',
      '4000::1',
      'e000::1',
    ],
    'site-local': ['fec0::1'],
    'IPv4 in IPv6': [
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
      '::ffff:8.8.8.8',
      '::127.0.0.1',
      '::ffff:0:127.0.0.1',
    ],
    NAT64: ['64:ff9b::7f00:1', '64:ff9b::8.8.8.8', '64:ff9b:1::1'],
    '6to4': ['2002:7f00:1::1', '2002:0a00:0001::1'],
    Teredo: ['2001:0:4136:e378:8000:63bf:3fff:fdd2'],
    'no address': ['', 'localhost', '8.8.8.8.8', 'fe80::1%eth0', '2606:4700::1%1'],
  };
  for (const [what, addresses] of Object.entries(refused)) {
    for (const address of addresses) {
      it(`${what}: ${address}`, () => assert.equal(publicOnly.allows(address), false));
    }
  }
});

describe('addresses that are allowed', () => {
  for (const address of ['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700:4700::1111']) {
    it(address, () => assert.equal(publicOnly.allows(address), true));
  }

  it('are also those that the operator names, and no others', () => {
    const rules = createAddressRules(['10.1.0.0/16', '127.0.0.1', 'fd00::/8', '64:ff9b::/96']);
    const named = ['10.1.2.3', '127.0.0.1', 'fd00::1', '64:ff9b::8.8.8.8'];
    const others = ['10.2.0.1', '127.0.0.2', 'fc00::1', '::ffff:10.1.2.3', '::1'];
    assert.deepEqual(
      [...named, ...others].filter((address) => rules.allows(address)),
      named,
    );
  });
});
