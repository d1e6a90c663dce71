import type { LookupAddress } from 'node:dns';
import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import ipaddr from 'ipaddr.js';

/** Looks up all IPv4 and IPv6 addresses of a host. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** Milliseconds for one DNS query, the number of attempts, and milliseconds for the system's own lookup. */
const queryTimeout = 1_000;
const tries = 2;
const lookupTimeout = 2_000;

/**
 * Queries DNS, as a mail client on another machine does. Without an address there it uses the system's
 * lookup: the host may be only in /etc/hosts.
 */
export const resolveHost: Resolve = async (host) => {
  const resolver = new Resolver({ timeout: queryTimeout, tries });
  const found = await Promise.all([
    resolver.resolve4(host).catch(() => []),
    resolver.resolve6(host).catch(() => []),
  ]);
  const addresses = found.flat();
  if (addresses.length > 0) return addresses;
  const known = await Promise.race([
    lookup(host, { all: true }).catch(() => []),
    setTimeout<LookupAddress[]>(lookupTimeout, [], { ref: false }),
  ]);
  return known.map(({ address }) => address);
};

/** Whether an address is this machine's own. */
export type IsOwn = (address: string) => boolean;

/** Reads the network interfaces each time, because addresses change. */
export const isOwnAddress: IsOwn = (address) => {
  const parsed = ipaddr.process(address);
  if (parsed.range() === 'loopback') return true;
  return ownInterfaces().some((one) => {
    const known = one.address.replace(/%.*$/, '');
    return ipaddr.isValid(known) && ipaddr.process(known).toString() === parsed.toString();
  });
};

/** Empty where a sandbox forbids reading the interfaces: then no private address counts as this machine's own. */
function ownInterfaces() {
  try {
    return Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  } catch {
    return [];
  }
}

/**
 * Whether a connection to an address is allowed. An address that is not public (loopback, private,
 * link-local, reserved: RFC 6890) is allowed only where it is this machine's own. An IPv4-mapped IPv6
 * address is treated as the IPv4 address.
 */
export function mayConnect(address: string, isOwn: IsOwn): boolean {
  if (!ipaddr.isValid(address)) return false;
  return ipaddr.process(address).range() === 'unicast' || isOwn(address);
}

/** True for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  const name = withoutBrackets(host);
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}

/** Removes the brackets that an IPv6 address has in a URL. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
