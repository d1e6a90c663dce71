import type { DomainUsers } from '../domain/mailbox';
import type { VirtualServer } from '../domain/virtual-server';
import { Answers, later, type Answer, type Look } from './answers';
import type { VirtualminClient } from './client';
import { RemoteApiError } from './errors';

/** A virtual server with everyone in it, made of two answers: it is as old as the older one. */
export interface Domain {
  readonly server: VirtualServer;
  readonly users: DomainUsers;
}

/** Mailboxes kept at most: some 60 MB. */
const mailboxCapacity = 100_000;

const everyDomain = '';

/** What Virtualmin knows, kept for a while; see Answers for what is fresh and what is shown. */
export class Directory {
  readonly #servers: Answers<readonly VirtualServer[]>;
  readonly #users: Answers<DomainUsers>;

  constructor(
    private readonly client: VirtualminClient,
    private readonly now: () => number = Date.now,
  ) {
    this.#servers = new Answers({
      ask: () => client.listDomains(),
      weigh: () => 1,
      capacity: 1,
      now,
    });
    this.#users = new Answers({
      ask: (domain) => client.listUsers(domain),
      weigh: (users) => users.mailboxes.length + users.withoutMail.length,
      capacity: mailboxCapacity,
      now,
    });
  }

  /** Every virtual server, for the screen. Waits up to `patience` milliseconds; never rejects. */
  lookAtServers(patience: number): Promise<Look<readonly VirtualServer[]>> {
    return this.#servers.look(everyDomain, patience);
  }

  /** One domain, for the screen; a failure is RemoteApiError `no-such-domain` where there is none. */
  async lookAtDomain(name: string, patience: number): Promise<Look<Domain>> {
    const [servers, users] = await Promise.all([
      this.#servers.look(everyDomain, patience),
      this.#users.look(name, patience),
    ]);
    if (users.kind !== 'answer') return users;
    const current = isMissing(name, servers, users.answer)
      ? await this.#servers.look(everyDomain, patience, users.answer.asOf)
      : servers;
    if (current.kind !== 'answer') return current;
    const server = find(current.answer, name);
    if (server === undefined) return { kind: 'failed', failure: noSuchDomain(name) };
    return {
      kind: 'answer',
      answer: join(server, current.answer, users.answer),
      refreshing: current.refreshing || users.refreshing,
      failure: users.failure ?? current.failure,
    };
  }

  /** One domain, for what leaves the screen: never older than Answers' `freshFor`. Rejects with RemoteApiError. */
  async freshDomain(name: string): Promise<Answer<Domain>> {
    const [servers, users] = await Promise.all([
      this.#servers.fresh(everyDomain),
      this.#users.fresh(name),
    ]);
    const known = find(servers, name);
    if (known !== undefined) return join(known, servers, users);
    const newer = await this.#servers.fresh(everyDomain, users.asOf);
    const server = find(newer, name);
    if (server === undefined) throw noSuchDomain(name);
    return join(server, newer, users);
  }

  /** Every virtual server, for what leaves the screen. As fresh as freshDomain. */
  freshServers(): Promise<Answer<readonly VirtualServer[]>> {
    return this.#servers.fresh(everyDomain);
  }

  /** One virtual server without its users, which take Virtualmin far longer. As fresh as freshDomain. */
  async freshServer(name: string): Promise<VirtualServer> {
    const server =
      find(await this.#servers.fresh(everyDomain), name) ??
      find(await this.#servers.fresh(everyDomain, this.now()), name);
    if (server === undefined) throw noSuchDomain(name);
    return server;
  }

  /** The same as freshDomain, but waits only up to `patience` milliseconds and never rejects. */
  async lookAtFreshDomain(name: string, patience: number): Promise<Look<Domain>> {
    const since = Math.min(this.#users.waitingSince(name), this.#servers.waitingSince(everyDomain));
    const look = this.freshDomain(name).then(
      (answer): Look<Domain> => ({ kind: 'answer', answer, refreshing: false, failure: null }),
      (failure: unknown): Look<Domain> => ({ kind: 'failed', failure }),
    );
    return Promise.race([look, later<Look<Domain>>(patience, { kind: 'waiting', since })]);
  }

  /** Asks for the list of virtual servers anew, or settles with the failure kept for the next look. */
  refreshServers(): Promise<void> {
    this.#tryAgain();
    return this.#servers.refresh(everyDomain);
  }

  /** Asks for one domain anew, or settles with the failure kept for the next look. */
  async refreshDomain(name: string): Promise<void> {
    this.#tryAgain();
    await Promise.all([this.#servers.refresh(everyDomain), this.#users.refresh(name)]);
  }

  /** Somebody asked: what failed before may be mended now. */
  #tryAgain(): void {
    this.client.tryAgain();
    this.#servers.forgetFailures();
    this.#users.forgetFailures();
  }
}

function find({ value }: Answer<readonly VirtualServer[]>, name: string) {
  return value.find((one) => one.name === name);
}

/** A domain made just now has users before it is in a list that was kept. */
function isMissing(
  name: string,
  servers: Look<readonly VirtualServer[]>,
  users: Answer<DomainUsers>,
): boolean {
  return (
    servers.kind === 'answer' &&
    servers.answer.asOf < users.asOf &&
    find(servers.answer, name) === undefined
  );
}

function join(
  server: VirtualServer,
  servers: Answer<readonly VirtualServer[]>,
  users: Answer<DomainUsers>,
): Answer<Domain> {
  return { value: { server, users: users.value }, asOf: Math.min(servers.asOf, users.asOf) };
}

/** What Virtualmin answers about a domain that it does not have. */
export function noSuchDomain(name: string): RemoteApiError {
  return new RemoteApiError(
    'no-such-domain',
    `list-users for ${name}`,
    'Virtual server does not exist',
  );
}
