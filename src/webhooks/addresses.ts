import ipaddr from 'ipaddr.js';

/** Which IP addresses may be sent to. */
export interface AddressRules {
  /** Whether `address`, without brackets or zone, is one of the public internet's, or allowed by the operator. */
  allows(address: string): boolean;
}

/** What IPv6 has given out for use on the public internet; all else of it is reserved, or for another purpose. */
const globalUnicast = ipaddr.parseCIDR('2000::/3');

/**
 * Allows what is public, and the ranges in `exceptions` (CIDR, or single addresses). An IPv6 address that only wraps an IPv4 address
 * (mapped, NAT64, 6to4, Teredo) is not public: what is behind it would go unseen.
 */
export function createAddressRules(exceptions: readonly string[]): AddressRules {
  const allowed = exceptions.map(rangeOf);
  return {
    allows(address) {
      if (!ipaddr.isValid(address) || address.includes('%')) return false;
      const parsed = ipaddr.parse(address);
      return isPublic(parsed) || allowed.some((range) => contains(range, parsed));
    },
  };
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = [Address, number];

function isPublic(address: Address): boolean {
  // ipaddr.js calls unicast whatever it has no other name for.
  if (address.range() !== 'unicast') return false;
  return address instanceof ipaddr.IPv4 || address.match(globalUnicast);
}

function rangeOf(text: string): Range {
  if (text.includes('/')) return ipaddr.parseCIDR(text);
  const address = ipaddr.parse(text);
  return [address, address instanceof ipaddr.IPv4 ? 32 : 128];
}

function contains([start, bits]: Range, address: Address): boolean {
  if (start instanceof ipaddr.IPv4) return address instanceof ipaddr.IPv4 && address.match(start, bits);
  return address instanceof ipaddr.IPv6 && address.match(start, bits);
}
