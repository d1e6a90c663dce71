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
import { Answers, type Look } from '../virtualmin/answers';
import { systemRoots } from '../virtualmin/trust';
import { isOwnAddress, mayConnect, resolveHost, type IsOwn, type Resolve } from './addresses';
import { offersLoginOnPort25, probeEndpoint, type ProbeContext } from './probe';

/** Milliseconds for one port. A host's ports are asked at once, after the name servers: some 10 s in all. */
const perPort = 5_000;

/** Milliseconds for which what was seen counts as fresh. */
export const observedFor = 10 * 60_000;

/** Hosts that are looked at at once, and kept at most. */
const hostsAtOnce = 20;
const hostsKept = 5_000;

/** What a test has otherwise. */
export interface ProbeOptions {
  readonly resolve?: Resolve;
  readonly isOwn?: IsOwn;
  /** Certificates that are trusted, in PEM. */
  readonly roots?: string | string[];
  readonly portOf?: (port: number) => number;
  readonly now?: () => number;
  /** The name of this server; null where it has none that a certificate could name. */
  readonly ownHost?: string | null;
}

/** What the mail ports answer, kept for a while by host and shared by all domains of it. */
export class Probes {
  readonly #hosts: Answers<HostObservations>;
  readonly #limit = pLimit(hostsAtOnce);
  readonly #options: ProbeOptions;
  readonly #now: () => number;
  #secureContext: SecureContext | undefined;

  /** The name of this server, as its certificates may have it; null where it has none. */
  readonly ownHost: string | null;

  constructor(options: ProbeOptions = {}) {
    this.ownHost = options.ownHost === undefined ? fullHostName() : options.ownHost;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#hosts = new Answers({
      ask: (key) => this.#limit(() => this.#probe(JSON.parse(key) as Endpoint[])),
      weigh: () => 1,
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
    return Promise.all(byHost(endpoints).map((key) => this.#hosts.look(key, patience)));
  }

  /**
   * For what leaves the screen: nothing older than `observedFor`, however long it takes. A host that could
   * not be asked is not in it: settings are given out all the same.
   */
  async observe(endpoints: readonly Endpoint[]): Promise<Observations> {
    const answers = await Promise.allSettled(
      byHost(endpoints).map((key) => this.#hosts.fresh(key)),
    );
    return answers.flatMap((one) => (one.status === 'fulfilled' ? one.value.value : []));
  }

  /** Looks anew. */
  async refresh(endpoints: readonly Endpoint[]): Promise<void> {
    await Promise.all(byHost(endpoints).map((key) => this.#hosts.refresh(key)));
  }

  /** What a login needs to connect the same way; the address is one that may be connected to, or null. */
  async reach(
    host: string,
  ): Promise<{ readonly address: string | null; readonly context: ProbeContext }> {
    const { allowed } = await this.#addresses(host);
    return { address: allowed[0] ?? null, context: this.#context() };
  }

  async #probe(endpoints: readonly Endpoint[]): Promise<HostObservations> {
    const host = endpoints[0]?.host ?? '';
    const { allowed, known } = await this.#addresses(host);
    const answered = async (): Promise<[readonly Observation[], boolean | null]> => {
      if (allowed.length === 0) {
        const result: Result = known ? { kind: 'not-checked' } : { kind: 'unresolved' };
        return [endpoints.map((endpoint) => unseen(endpoint, result)), null];
      }
      const context = this.#context();
      const one = () => AbortSignal.timeout(perPort);
      const [first = ''] = allowed;
      return Promise.all([
        Promise.all(endpoints.map((each) => probeEndpoint(each, allowed, context, one()))),
        offersLoginOnPort25(host, first, context, one()),
      ]);
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
