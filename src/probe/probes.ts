import { setMaxListeners } from 'node:events';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { createSecureContext, type SecureContext } from 'node:tls';
import { LRUCache } from 'lru-cache';
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
import { WaitList } from './wait-list';
import { offersLoginOnPort25, probeEndpoint, takesInjection, type ProbeContext } from './probe';

/**
 * Milliseconds for one port, 5 s of them to connect. Servers that wait before they greet (Sendmail's
 * `greet_pause`, Postfix's `postscreen_greet_wait`) wait for 5 or 6 s. A host's ports are checked
 * concurrently, after DNS: some 10 s in all.
 */
const perPort = 9_000;

/** Milliseconds for which a check counts as fresh. */
export const observedFor = 10 * 60_000;

/** Milliseconds for which a server counts as safe from injected commands. */
const injectionTestedFor = 24 * 60 * 60_000;

/** Limits for the hosts checked concurrently and for those kept in memory. */
const maxConcurrentHosts = 20;
const maxHosts = 5_000;

/** Milliseconds for which a delivered page still counts as waiting for missing checks. */
const pageWaitsFor = 15_000;

/** Milliseconds between two tests whether a request still waits. */
const watchInterval = 250;

/** No request waits for this host any more. */
class AbandonedError extends Error {}

/** Overrides for tests. */
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

/** The checks of mail ports, cached by host and shared by all domains that use the host. */
export class Probes {
  readonly #hosts: Cache<HostObservations>;
  readonly #limit = pLimit(maxConcurrentHosts);
  readonly #waiting = new WaitList();
  /** When a server last proved to ignore injected commands, by protocol, address and port. */
  readonly #resisted = new LRUCache<string, number>({ max: maxHosts });
  readonly #options: ProbeOptions;
  readonly #now: () => number;
  #secureContext: SecureContext | undefined;

  /** The full host name of this server; null where it has none. */
  readonly ownHost: string | null;

  constructor(options: ProbeOptions = {}) {
    this.ownHost = options.ownHost === undefined ? fullHostName() : options.ownHost;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#hosts = new Cache({
      load: (key) => this.#limit(() => this.#whileWaitedFor(key)),
      keepFailure: (failure) => !(failure instanceof AbandonedError),
      sizeOf: () => 1,
      capacity: maxHosts,
      now: this.#now,
      freshFor: observedFor,
    });
  }

  /** The checks of these endpoints' hosts, for a page. Waits up to `maxWait` milliseconds. */
  async look(
    endpoints: readonly Endpoint[],
    maxWait: number,
  ): Promise<readonly Look<HostObservations>[]> {
    const keys = byHost(endpoints);
    this.#waiting.add(keys, maxWait + pageWaitsFor);
    return Promise.all(keys.map((key) => this.#hosts.look(key, maxWait)));
  }

  /**
   * Checks at most `observedFor` old, for files, sheets and mails. Waits until all are complete or `signal`
   * aborts. Hosts whose check failed are left out, so that settings can still be given out.
   */
  async observe(endpoints: readonly Endpoint[], signal?: AbortSignal): Promise<Observations> {
    const keys = byHost(endpoints);
    const release = this.#waiting.add(keys, Infinity, signal);
    const answers = await Promise.allSettled(keys.map((key) => this.#fresh(key, signal)));
    release();
    return answers.flatMap((one) => (one.status === 'fulfilled' ? one.value.value : []));
  }

  /** Checks again, until `signal` aborts. */
  async refresh(endpoints: readonly Endpoint[], signal?: AbortSignal): Promise<void> {
    const keys = byHost(endpoints);
    const release = this.#waiting.add(keys, Infinity, signal);
    await Promise.all(keys.map((key) => this.#hosts.refresh(key)));
    release();
  }

  async #fresh(key: string, signal?: AbortSignal): Promise<Cached<HostObservations>> {
    try {
      return await this.#hosts.fresh(key);
    } catch (error) {
      // The call was abandoned for earlier requests just when this one joined it: start a new one.
      if (error instanceof AbandonedError && signal?.aborted !== true)
        return this.#hosts.fresh(key);
      throw error;
    }
  }

  /** What a login needs to connect as the checks do. The address is null where none may be connected to. */
  async reach(
    host: string,
  ): Promise<{ readonly address: string | null; readonly context: ProbeContext }> {
    const { allowed } = await this.#addresses(host);
    return { address: allowed[0] ?? null, context: this.#context() };
  }

  /** Checks a host as long as a request waits for it; otherwise throws AbandonedError and drops partial results. */
  async #whileWaitedFor(key: string): Promise<HostObservations> {
    if (!this.#waiting.has(key)) throw new AbandonedError();
    const abandoned = new AbortController();
    const watch = setInterval(() => {
      if (!this.#waiting.has(key)) abandoned.abort();
    }, watchInterval);
    try {
      const observations = await this.#probe(JSON.parse(key) as Endpoint[], abandoned.signal);
      if (abandoned.signal.aborted) throw new AbandonedError();
      return observations;
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
        return [endpoints.map((endpoint) => notObserved(endpoint, result)), null];
      }
      const context = this.#context();
      const [first = ''] = allowed;
      const { signal, stop } = endingWith(abandoned, this.#options.perPort ?? perPort);
      const check = async (endpoint: Endpoint): Promise<Observation> => {
        const [observation, injection] = await Promise.all([
          probeEndpoint(endpoint, allowed, context, signal),
          this.#takesInjection(endpoint, first, context, signal),
        ]);
        const { weaknesses } = observation;
        return injection
          ? { ...observation, weaknesses: [...weaknesses, 'injection'] }
          : observation;
      };
      const all = Promise.all([
        Promise.all(endpoints.map(check)),
        offersLoginOnPort25(host, first, context, signal),
      ]);
      return all.finally(stop);
    };
    const [services, loginOnPort25] = await answered();
    return { host, asOf: this.#now(), services, loginOnPort25 };
  }

  /**
   * Whether the server carries out commands that were injected before TLS. A server that does not is tested
   * again after a day: the test leaves a failed connection in its log, which fail2ban may count.
   */
  async #takesInjection(
    endpoint: Endpoint,
    address: string,
    context: ProbeContext,
    signal: AbortSignal,
  ): Promise<boolean> {
    const key = `${endpoint.protocol} ${address} ${endpoint.port}`;
    const resisted = this.#resisted.get(key) ?? -Infinity;
    const tested = this.#now() - resisted < injectionTestedFor;
    if (endpoint.security !== 'starttls' || tested) return false;
    const takes = await takesInjection(endpoint, address, context, signal);
    if (takes === false) this.#resisted.set(key, this.#now());
    return takes === true;
  }

  /** The first allowed address of IPv4 and of IPv6, and whether the host has any address. */
  async #addresses(host: string) {
    const addresses = await (this.#options.resolve ?? resolveHost)(host);
    const isOwn = this.#options.isOwn ?? isOwnAddress;
    const usable = addresses.filter((address) => mayConnect(address, isOwn));
    const firstOf = (family: 4 | 6) => usable.find((address) => isIP(address) === family);
    const allowed = [firstOf(4), firstOf(6)].filter((one) => one !== undefined);
    return { allowed, known: addresses.length > 0 };
  }

  #context(): ProbeContext {
    // Created once: reading the system's root certificates takes longer than a check.
    this.#secureContext ??= createSecureContext({
      ca: this.#options.roots ?? systemRoots(),
      // RFC 8996 deprecates older versions, and mail clients refuse them.
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

/** A signal that aborts with `other`, or after so many milliseconds. Node.js 18 lacks AbortSignal.any. */
function endingWith(other: AbortSignal, milliseconds: number) {
  const controller = new AbortController();
  // Every connection to the host adds a listener.
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

function notObserved(endpoint: Endpoint, result: Result): Observation {
  const nothing = { weaknesses: [], certificate: null, tlsVersion: null, mechanisms: [] };
  return { endpoint, result, ...nothing, addresses: [] };
}

/** One cache key for each host, made of its endpoints: equal for domains with equal endpoints. */
function byHost(endpoints: readonly Endpoint[]): string[] {
  const hosts = new Map<string, Endpoint[]>();
  for (const { protocol, host, port, security } of endpoints) {
    hosts.set(host, [...(hosts.get(host) ?? []), { protocol, host, port, security }]);
  }
  return [...hosts.values()].map((of) => JSON.stringify(of));
}
