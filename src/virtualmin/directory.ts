import { setTimeout } from 'node:timers/promises';
import type { DomainUsers } from '../domain/mailbox';
import type { VirtualServer } from '../domain/virtual-server';
import { Cache, type Cached, type Look } from '../cache/cache';
import type { VirtualminClient } from './client';

/** A virtual server with its users, from two answers. Its time is that of the older one. */
export interface Domain {
  readonly server: VirtualServer;
  readonly users: DomainUsers;
}

/** Largest number of mailboxes kept in memory: some 60 MB. */
const mailboxCapacity = 100_000;

/** Largest number of virtual servers kept in memory. */
const serverCapacity = 5_000;

const everyDomain = '';

/**
 * Milliseconds for which an answer without a requested login counts. An older answer is loaded again:
 * the mailbox may have been created since, and Virtualmin's pages link to new mailboxes.
 */
const missingFor = 5_000;

/** Virtual servers and users from Virtualmin, cached: see Cache for what is fresh and what may be shown. */
export class Directory {
  readonly #list: Cache<readonly VirtualServer[]>;
  readonly #servers: Cache<VirtualServer>;
  readonly #users: Cache<DomainUsers>;

  constructor(
    private readonly client: VirtualminClient,
    private readonly now: () => number = Date.now,
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

  /** All virtual servers, for a page. Waits up to `maxWait` milliseconds; never rejects. */
  lookAtServers(maxWait: number): Promise<Look<readonly VirtualServer[]>> {
    return this.#list.look(everyDomain, maxWait);
  }

  /**
   * One domain, for a page. The failure has code `no-such-domain` where the domain does not exist. An
   * answer that lacks one of `logins` is loaded again if it is older than `missing` milliseconds: see missingFor.
   */
  async lookAtDomain(
    name: string,
    maxWait: number,
    logins: readonly string[] = [],
    missing = missingFor,
  ): Promise<Look<Domain>> {
    const [server, users] = await Promise.all([
      this.#servers.look(name, maxWait),
      this.#lookAtUsers(name, maxWait, logins, missing),
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

  /**
   * One domain, for files, sheets and mails: at most `freshFor` old (see Cache), and loaded again like
   * lookAtDomain. Rejects with RemoteApiError.
   */
  async freshDomain(name: string, logins: readonly string[] = []): Promise<Cached<Domain>> {
    const [server, users] = await Promise.all([
      this.#servers.fresh(name),
      this.#freshUsers(name, logins),
    ]);
    return join(server, users);
  }

  /** All virtual servers, as fresh as freshDomain. */
  freshServers(): Promise<Cached<readonly VirtualServer[]>> {
    return this.#list.fresh(everyDomain);
  }

  /** All users of all virtual servers, by domain. Not cached: only the snapshot of all domains needs them. */
  currentUsers(): Promise<ReadonlyMap<string, DomainUsers>> {
    return this.client.listAllUsers();
  }

  /** One virtual server without its users, which take Virtualmin far longer to list. As fresh as freshDomain. */
  async freshServer(name: string): Promise<VirtualServer> {
    return (await this.#servers.fresh(name)).value;
  }

  /** Like freshDomain, but waits only up to `maxWait` milliseconds and never rejects. */
  async lookAtFreshDomain(
    name: string,
    maxWait: number,
    logins: readonly string[] = [],
  ): Promise<Look<Domain>> {
    const since = Math.min(this.#users.waitingSince(name), this.#servers.waitingSince(name));
    const look = this.freshDomain(name, logins).then(
      (answer): Look<Domain> => ({ kind: 'answer', answer, refreshing: false, failure: null }),
      (failure: unknown): Look<Domain> => ({ kind: 'failed', failure }),
    );
    return Promise.race([
      look,
      setTimeout<Look<Domain>>(maxWait, { kind: 'waiting', since }, { ref: false }),
    ]);
  }

  /** Requests the list of virtual servers again. Never rejects: the next look returns the failure. */
  refreshServers(): Promise<void> {
    this.#tryAgain();
    return this.#list.refresh(everyDomain);
  }

  /** Requests one domain again. Never rejects: the next look returns the failure. */
  async refreshDomain(name: string): Promise<void> {
    this.#tryAgain();
    await Promise.all([this.#servers.refresh(name), this.#users.refresh(name)]);
  }

  async #lookAtUsers(
    name: string,
    maxWait: number,
    logins: readonly string[],
    missing: number,
  ): Promise<Look<DomainUsers>> {
    const look = await this.#users.look(name, maxWait);
    if (look.kind !== 'answer' || !this.#lacks(look.answer, logins, missing)) return look;
    return this.#users.look(name, maxWait, look.answer.asOf + 1);
  }

  async #freshUsers(name: string, logins: readonly string[]): Promise<Cached<DomainUsers>> {
    const answer = await this.#users.fresh(name);
    return this.#lacks(answer, logins, missingFor)
      ? this.#users.fresh(name, answer.asOf + 1)
      : answer;
  }

  /** Whether a mailbox with one of the logins is not in an answer, but might be in a newer one. */
  #lacks(
    { value, asOf }: Cached<DomainUsers>,
    logins: readonly string[],
    missing: number,
  ): boolean {
    if (logins.length === 0 || this.now() - asOf <= missing) return false;
    const known = new Set(value.mailboxes.map(({ login }) => login));
    return !logins.every((login) => known.has(login));
  }

  /** The user wants to try again: earlier failures no longer prevent a request. */
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
