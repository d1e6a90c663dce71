import { setMaxListeners } from 'node:events';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { createSecureContext, type SecureContext } from 'node:tls';
import pLimit from 'p-limit';
import { isDomainName } from '../domain/domain-name';
import type {
  Endpoint,
  HostObservations,
  Observation,
  Observations,
  Result,
} from '../domain/observation';
import { Cache, type Cached, type Look } from '../cache/cache';
import { systemRoots } from '../network/system-roots';
import {
  isOwnAddress,
  mayConnect,
  resolveHost,
  type IsOwn,
  type Resolve,
} from '../network/addresses';
import { Interest } from './interest';
import { offersLoginOnPort25, probeEndpoint, type ProbeContext } from './probe';

/** Milliseconds for one port. A host's ports are asked at once, after the name servers: some 10 s in all. */
const perPort = 5_000;

/** Milliseconds for which what was seen counts as fresh. */
export const observedFor = 10 * 60_000;

/** Hosts that are looked at at once, and kept at most. */
const hostsAtOnce = 20;
const hostsKept = 5_000;

/** Milliseconds for which a page that was shown counts as waiting for what it has not got yet. */
const shownFor = 15_000;

/** Milliseconds between two looks at whether anybody still waits. */
const askedEvery = 250;

/** Nobody waits for this host any more. */
class AbandonedError extends Error {}

/** What a test has otherwise. */
export interface ProbeOptions {
  readonly resolve?: Resolve;
  readonly isOwn?: IsOwn;
  /** Certificates that are trusted, in PEM. */
  readonly roots?: string | string[];
  readonly portOf?: (port: number) => number;
  readonly now?: () => number;
  /** Milliseconds for one port. */
  readonly perPort?: number;
  /** The name of this server; null where it has none that a certificate could name. */
  readonly ownHost?: string | null;
}

/** What the mail ports answer, kept for a while by host and shared by all domains of it. */
export class Probes {
  readonly #hosts: Cache<HostObservations>;
  readonly #limit = pLimit(hostsAtOnce);
  readonly #interest = new Interest();
  readonly #options: ProbeOptions;
  readonly #now: () => number;
  #secureContext: SecureContext | undefined;

  /** The name of this server, as its certificates may have it; null where it has none. */
  readonly ownHost: string | null;

  constructor(options: ProbeOptions = {}) {
    this.ownHost = options.ownHost === undefined ? fullHostName() : options.ownHost;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#hosts = new Cache({
      load: (key) => this.#limit(() => this.#whileWaitedFor(key)),
      keepFailure: (failure) => !(failure instanceof AbandonedError),
      sizeOf: () => 1,
      capacity: hostsKept,
      now: this.#now,
      freshFor: observedFor,
    });
  }

  /** For the screen: what is known of these endpoints' hosts, waiting up to `patience` milliseconds. */
  async look(
    endpoints: readonly Endpoint[],
    patience: number,
  ): Promise<readonly Look<HostObservations>[]> {
    const keys = byHost(endpoints);
    this.#interest.in(keys, patience + shownFor);
    return Promise.all(keys.map((key) => this.#hosts.look(key, patience)));
  }

  /**
   * For what leaves the screen: nothing older than `observedFor`, however long it takes, as long as `signal`
   * does not say that nobody waits any more. A host that could not be asked is not in it: settings are given
   * out all the same.
   */
  async observe(endpoints: readonly Endpoint[], signal?: AbortSignal): Promise<Observations> {
    const keys = byHost(endpoints);
    const release = this.#interest.in(keys, Infinity, signal);
    const answers = await Promise.allSettled(keys.map((key) => this.#fresh(key, signal)));
    release();
    return answers.flatMap((one) => (one.status === 'fulfilled' ? one.value.value : []));
  }

  /** Looks anew, as long as `signal` does not say that nobody waits any more. */
  async refresh(endpoints: readonly Endpoint[], signal?: AbortSignal): Promise<void> {
    const keys = byHost(endpoints);
    const release = this.#interest.in(keys, Infinity, signal);
    await Promise.all(keys.map((key) => this.#hosts.refresh(key)));
    release();
  }

  async #fresh(key: string, signal?: AbortSignal): Promise<Cached<HostObservations>> {
    try {
      return await this.#hosts.fresh(key);
    } catch (error) {
      // Given up for those who waited before, at the very moment when this one came.
      if (error instanceof AbandonedError && signal?.aborted !== true)
        return this.#hosts.fresh(key);
      throw error;
    }
  }

  /** What a login needs to connect the same way; the address is one that may be connected to, or null. */
  async reach(
    host: string,
  ): Promise<{ readonly address: string | null; readonly context: ProbeContext }> {
    const { allowed } = await this.#addresses(host);
    return { address: allowed[0] ?? null, context: this.#context() };
  }

  /** Asks a host unless, or until, nobody waits for it: then it fails, and what was seen so far counts for nothing. */
  async #whileWaitedFor(key: string): Promise<HostObservations> {
    if (!this.#interest.is(key)) throw new AbandonedError();
    const abandoned = new AbortController();
    const watch = setInterval(() => {
      if (!this.#interest.is(key)) abandoned.abort();
    }, askedEvery);
    try {
      const seen = await this.#probe(JSON.parse(key) as Endpoint[], abandoned.signal);
      if (abandoned.signal.aborted) throw new AbandonedError();
      return seen;
    } finally {
      clearInterval(watch);
    }
  }

  async #probe(endpoints: readonly Endpoint[], abandoned: AbortSignal): Promise<HostObservations> {
    const host = endpoints[0]?.host ?? '';
    const { allowed, known } = await this.#addresses(host);
    const answered = async (): Promise<[readonly Observation[], boolean | null]> => {
      if (allowed.length === 0) {
        const result: Result = known ? { kind: 'not-checked' } : { kind: 'unresolved' };
        return [endpoints.map((endpoint) => unseen(endpoint, result)), null];
      }
      const context = this.#context();
      const [first = ''] = allowed;
      const { signal, stop } = endingWith(abandoned, this.#options.perPort ?? perPort);
      const all = Promise.all([
        Promise.all(endpoints.map((each) => probeEndpoint(each, allowed, context, signal))),
        offersLoginOnPort25(host, first, context, signal),
      ]);
      return all.finally(stop);
    };
    const [services, loginOnPort25] = await answered();
    return { host, asOf: this.#now(), services, loginOnPort25 };
  }

  /** The first address of each family that may be connected to, and whether the host has any at all. */
  async #addresses(host: string) {
    const addresses = await (this.#options.resolve ?? resolveHost)(host);
    const isOwn = this.#options.isOwn ?? isOwnAddress;
    const usable = addresses.filter((address) => mayConnect(address, isOwn));
    const firstOf = (family: 4 | 6) => usable.find((address) => isIP(address) === family);
    const allowed = [firstOf(4), firstOf(6)].filter((one) => one !== undefined);
    return { allowed, known: addresses.length > 0 };
  }

  #context(): ProbeContext {
    // Reading the system's roots takes longer than a conversation.
    this.#secureContext ??= createSecureContext({
      ca: this.#options.roots ?? systemRoots(),
      // RFC 8996: what is older is refused by mail clients too.
      minVersion: 'TLSv1.2',
    });
    return {
      secureContext: this.#secureContext,
      now: this.#now,
      isOwn: this.#options.isOwn ?? isOwnAddress,
      portOf: this.#options.portOf ?? ((port) => port),
    };
  }
}

/** Aborts with another signal, or after so many milliseconds. AbortSignal.any is not in Node.js 18. */
function endingWith(other: AbortSignal, milliseconds: number) {
  const controller = new AbortController();
  // Every conversation with the host listens to it.
  setMaxListeners(0, controller.signal);
  const end = () => {
    controller.abort();
  };
  const timer = setTimeout(end, milliseconds);
  if (other.aborted) end();
  other.addEventListener('abort', end);
  const stop = () => {
    clearTimeout(timer);
    other.removeEventListener('abort', end);
  };
  return { signal: controller.signal, stop };
}

function fullHostName(): string | null {
  const name = hostname();
  return name.includes('.') && isDomainName(name) ? name : null;
}

function unseen(endpoint: Endpoint, result: Result): Observation {
  const nothing = { weaknesses: [], certificate: null, tlsVersion: null, mechanisms: [] };
  return { endpoint, result, ...nothing, addresses: [] };
}

/** The endpoints of each host as a key: the same for every domain that has the same ones. */
function byHost(endpoints: readonly Endpoint[]): string[] {
  const hosts = new Map<string, Endpoint[]>();
  for (const { protocol, host, port, security } of endpoints) {
    hosts.set(host, [...(hosts.get(host) ?? []), { protocol, host, port, security }]);
  }
  return [...hosts.values()].map((of) => JSON.stringify(of));
}
