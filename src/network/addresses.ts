import type { LookupAddress } from 'node:dns';
import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import ipaddr from 'ipaddr.js';

/** Looks a host's addresses up: those of IPv4 and those of IPv6, as many as there are. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** Milliseconds for one question to a name server, how often it is asked, and for this system's own lookup. */
const patience = 1_000;
const tries = 2;
const ownPatience = 2_000;

/**
 * Asks the name servers, as a mail client elsewhere would, and where they know nothing this system: a
 * host may be in its hosts file alone.
 */
export const resolveHost: Resolve = async (host) => {
  const resolver = new Resolver({ timeout: patience, tries });
  const found = await Promise.all([
    resolver.resolve4(host).catch(() => []),
    resolver.resolve6(host).catch(() => []),
  ]);
  const addresses = found.flat();
  if (addresses.length > 0) return addresses;
  const known = await Promise.race([
    lookup(host, { all: true }).catch(() => []),
    setTimeout<LookupAddress[]>(ownPatience, [], { ref: false }),
  ]);
  return known.map(({ address }) => address);
};

/** Whether an address is this machine's own. */
export type IsOwn = (address: string) => boolean;

/** Asks the interfaces each time: addresses come and go. */
export const isOwnAddress: IsOwn = (address) => {
  const parsed = ipaddr.process(address);
  if (parsed.range() === 'loopback') return true;
  return ownInterfaces().some((one) => {
    const known = one.address.replace(/%.*$/, '');
    return ipaddr.isValid(known) && ipaddr.process(known).toString() === parsed.toString();
  });
};

/** None where a sandbox does not let them be asked: then no private address is taken for an own one. */
function ownInterfaces() {
  try {
    return Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  } catch {
    return [];
  }
}

/**
 * Whether an address may be connected to. One that is not public (loopback, private, link-local,
 * reserved: RFC 6890) only where it is this machine's own; IPv4 inside IPv6 counts as what it is.
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

/** An IPv6 address as it is without those that it has in a URL. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
