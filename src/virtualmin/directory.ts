import { setTimeout } from 'node:timers/promises';
import type { DomainUsers } from '../domain/mailbox';
import type { VirtualServer } from '../domain/virtual-server';
import { Cache, type Cached, type Look } from '../cache/cache';
import type { VirtualminClient } from './client';

/** A virtual server with everyone in it, made of two answers: it is as old as the older one. */
export interface Domain {
  readonly server: VirtualServer;
  readonly users: DomainUsers;
}

/** Mailboxes kept at most: some 60 MB. */
const mailboxCapacity = 100_000;

/** Virtual servers kept at most, one by one. */
const serverCapacity = 5_000;

const everyDomain = '';

/** What Virtualmin knows, kept for a while; see Cache for what is fresh and what is shown. */
export class Directory {
  readonly #list: Cache<readonly VirtualServer[]>;
  readonly #servers: Cache<VirtualServer>;
  readonly #users: Cache<DomainUsers>;

  constructor(
    private readonly client: VirtualminClient,
    now: () => number = Date.now,
  ) {
    this.#list = new Cache({
      load: () => client.listDomains(),
      sizeOf: () => 1,
      capacity: 1,
      now,
    });
    this.#servers = new Cache({
      load: (domain) => client.describeDomain(domain),
      sizeOf: () => 1,
      capacity: serverCapacity,
      now,
    });
    this.#users = new Cache({
      load: (domain) => client.listUsers(domain),
      sizeOf: (users) => users.mailboxes.length + users.withoutMail.length,
      capacity: mailboxCapacity,
      now,
    });
  }

  /** Every virtual server, for the screen. Waits up to `patience` milliseconds; never rejects. */
  lookAtServers(patience: number): Promise<Look<readonly VirtualServer[]>> {
    return this.#list.look(everyDomain, patience);
  }

  /** One domain, for the screen; a failure is RemoteApiError `no-such-domain` where there is none. */
  async lookAtDomain(name: string, patience: number): Promise<Look<Domain>> {
    const [server, users] = await Promise.all([
      this.#servers.look(name, patience),
      this.#users.look(name, patience),
    ]);
    if (users.kind !== 'answer') return users;
    if (server.kind !== 'answer') return server;
    return {
      kind: 'answer',
      answer: join(server.answer, users.answer),
      refreshing: server.refreshing || users.refreshing,
      failure: users.failure ?? server.failure,
    };
  }

  /** One domain, for what leaves the screen: never older than Cache's `freshFor`. Rejects with RemoteApiError. */
  async freshDomain(name: string): Promise<Cached<Domain>> {
    const [server, users] = await Promise.all([this.#servers.fresh(name), this.#users.fresh(name)]);
    return join(server, users);
  }

  /** Every virtual server, for what leaves the screen. As fresh as freshDomain. */
  freshServers(): Promise<Cached<readonly VirtualServer[]>> {
    return this.#list.fresh(everyDomain);
  }

  /** One virtual server without its users, which take Virtualmin far longer. As fresh as freshDomain. */
  async freshServer(name: string): Promise<VirtualServer> {
    return (await this.#servers.fresh(name)).value;
  }

  /** The same as freshDomain, but waits only up to `patience` milliseconds and never rejects. */
  async lookAtFreshDomain(name: string, patience: number): Promise<Look<Domain>> {
    const since = Math.min(this.#users.waitingSince(name), this.#servers.waitingSince(name));
    const look = this.freshDomain(name).then(
      (answer): Look<Domain> => ({ kind: 'answer', answer, refreshing: false, failure: null }),
      (failure: unknown): Look<Domain> => ({ kind: 'failed', failure }),
    );
    return Promise.race([
      look,
      setTimeout<Look<Domain>>(patience, { kind: 'waiting', since }, { ref: false }),
    ]);
  }

  /** Asks for the list of virtual servers anew, or settles with the failure kept for the next look. */
  refreshServers(): Promise<void> {
    this.#tryAgain();
    return this.#list.refresh(everyDomain);
  }

  /** Asks for one domain anew, or settles with the failure kept for the next look. */
  async refreshDomain(name: string): Promise<void> {
    this.#tryAgain();
    await Promise.all([this.#servers.refresh(name), this.#users.refresh(name)]);
  }

  /** Somebody asked: what failed before may be mended now. */
  #tryAgain(): void {
    this.client.tryAgain();
    this.#list.forgetFailures();
    this.#servers.forgetFailures();
    this.#users.forgetFailures();
  }
}

function join(server: Cached<VirtualServer>, users: Cached<DomainUsers>): Cached<Domain> {
  return {
    value: { server: server.value, users: users.value },
    asOf: Math.min(server.asOf, users.asOf),
  };
}
