import type { AxiosInstance, AxiosResponse } from 'axios';
import pLimit from 'p-limit';
import type { DomainUsers } from '../domain/mailbox';
import type { VirtualServer } from '../domain/virtual-server';
import { readAnswer, type Row } from './answer';
import { domainFields, fromNames, toNames, toVirtualServers } from './domains';
import { LockedOutError, RemoteApiError, TlsNotVerifiableError } from './errors';
import { UntrustedCertificate, verifyingAgent, type Trust } from './trust';
import { toDomainUsers, userFields } from './users';

/** How to reach Virtualmin's remote API. */
export interface VirtualminConfig {
  /** Origin and URL prefix, without a slash at the end: `https://panel.example.com:10000`. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly format: 'json' | 'xml';
  readonly trust: Trust;
  /** Milliseconds a call may take in all. */
  readonly timeout: number;
}

/** What the answers so far tell about the server; null where they do not. */
export interface ServerVersions {
  /** The API has no version in its answers, only fields that came with one: since or before which it is. */
  readonly virtualmin: { readonly when: 'since' | 'before'; readonly version: string } | null;
  /** From the Server header of Webmin's own web server. */
  readonly webmin: string | null;
}

/** Virtualmin's remote API. Every method rejects with RemoteApiError and with nothing else. */
export interface VirtualminClient {
  /**
   * Every virtual server that the account may see, by name. Of more than `describedAtOnce` only what lists of names say:
   * no description, no reseller, and not whose sub-server or alias it is.
   */
  readonly listDomains: () => Promise<readonly VirtualServer[]>;
  /** One virtual server; the failure is `no-such-domain` where there is none. */
  readonly describeDomain: (domain: string) => Promise<VirtualServer>;
  /** Everyone in one virtual server, the owner included. */
  readonly listUsers: (domain: string) => Promise<DomainUsers>;
  readonly versions: () => ServerVersions;
  /** Lets the next call through after a wrong password. A lock-out must be waited for all the same. */
  readonly tryAgain: () => void;
}

/** Bytes: ten times the answer of a domain with 5,000 mailboxes. */
const largestAnswer = 64 * 1024 * 1024;

/** Webmin's `blockhost_time`, in milliseconds. */
const lockOutTime = 60_000;

const callsAtOnce = 2;

/**
 * How many virtual servers Virtualmin is asked to describe in one call. For each of them it goes over every Unix user
 * (list-domains.pl): with 2,000 domains and 7,000 users that takes minutes, while the names alone come in a second.
 */
const describedAtOnce = 100;

/**
 * A client for one server. At most two calls at once; after a wrong password none at all until
 * `tryAgain`, because Webmin locks the whole address out after five. `now` gives milliseconds, `trust`
 * what makes the server's certificate good at each connection; `read` reads an answer.
 */
export function createVirtualminClient(
  config: VirtualminConfig,
  now: () => number = Date.now,
  trust: () => Trust = () => config.trust,
  read: typeof readAnswer = readAnswer,
): VirtualminClient {
  const limit = pLimit(callsAtOnce);
  let http: Promise<AxiosInstance> | undefined;
  let passwordRefused = false;
  let lockedOutUntil = 0;
  let webmin: string | null = null;
  let virtualmin: ServerVersions['virtualmin'] = null;

  async function ask<Field extends string>(
    call: string,
    parameters: Readonly<Record<string, string>>,
    fields: readonly Field[],
  ): Promise<readonly Row<Field>[]> {
    return limit(async () => {
      if (passwordRefused) throw wrongPassword(call);
      if (now() < lockedOutUntil) throw new LockedOutError(call, lockedOutUntil);
      const how = fields.length === 0 ? 'name-only' : 'multiline';
      const response = await get(call, { ...parameters, [how]: '', [config.format]: '1' });
      const server = /^MiniServ(?:\/([\w.]+))?/.exec(String(response.headers.server ?? ''));
      webmin = server?.[1] ?? webmin;
      return rowsOf(call, response, fields);
    });
  }

  async function get(
    call: string,
    params: Readonly<Record<string, string>>,
  ): Promise<AxiosResponse<Buffer>> {
    const signal = AbortSignal.timeout(config.timeout);
    try {
      http ??= createHttp(config, trust);
      return await (await http).get<Buffer>('', { params, signal });
    } catch (error) {
      throw faultOf(call, error, signal.aborted, config);
    }
  }

  async function rowsOf<Field extends string>(
    call: string,
    response: AxiosResponse<Buffer>,
    fields: readonly Field[],
  ): Promise<readonly Row<Field>[]> {
    if (response.status === 401) {
      passwordRefused = true;
      throw wrongPassword(call);
    }
    if (response.status === 403) {
      if (isAddressRule(response.data)) {
        throw new RemoteApiError(
          'not-allowed',
          call,
          'Webmin accepts no connection from this address',
          'On the server: Webmin Configuration, IP Access Control.',
        );
      }
      lockedOutUntil = now() + lockOutTime;
      throw new LockedOutError(call, lockedOutUntil);
    }
    const answer = await read(response.data, fields).catch(() => {
      throw notUnderstood(call, response, 'the answer could not be read');
    });
    switch (answer.kind) {
      case 'rows':
        if (response.status === 200) return answer.rows;
        throw notUnderstood(call, response, 'an answer with an unexpected status');
      case 'refusal':
        throw refusal(call, answer.reason);
      case 'failure':
        throw failure(call, answer.reason);
      case 'not-understood':
        if (response.status >= 500) {
          throw new RemoteApiError(
            'command-failed',
            call,
            `Virtualmin stumbled (HTTP ${response.status})`,
            "Webmin's log, /var/webmin/miniserv.error, says why.",
          );
        }
        throw notUnderstood(call, response, answer.reason);
    }
  }

  async function names(filter: Readonly<Record<string, string>> = {}) {
    return toNames(await ask<never>('list-domains', { program: 'list-domains', ...filter }, []));
  }

  async function describe(domain: string) {
    const parameters = { program: 'list-domains', domain };
    return ask(`list-domains for ${domain}`, parameters, domainFields);
  }

  return {
    async listDomains() {
      const all = await names();
      if (all.size <= describedAtOnce) {
        const rows = await ask('list-domains', { program: 'list-domains' }, domainFields);
        return toVirtualServers(rows);
      }
      const [mail, alias, subServer, disabled] = await Promise.all([
        names({ 'with-feature': 'mail' }),
        names({ alias: '' }),
        names({ subserver: '' }),
        names({ disabled: '' }),
      ]);
      return fromNames({ all, mail, alias, subServer, disabled });
    },
    async describeDomain(domain) {
      const rows = await describe(domain);
      const find = (servers: readonly VirtualServer[]) =>
        servers.find(({ name }) => name === domain);
      const server = find(toVirtualServers(rows));
      if (server === undefined) throw noSuchDomain(domain);
      const { place } = server;
      if (place.kind !== 'sub-server' || place.parent === null) return server;
      const parent = await describe(place.parent);
      return find(toVirtualServers([...rows, ...parent])) ?? server;
    },
    async listUsers(domain) {
      const rows = await ask(
        `list-users for ${domain}`,
        { program: 'list-users', domain, 'include-owner': '' },
        userFields,
      );
      if (rows.length > 0) {
        // The field came with 7.30.
        const since = rows.some((row) => row.values.no_password_accepted);
        virtualmin = { when: since ? 'since' : 'before', version: '7.30' };
      }
      return toDomainUsers(domain, rows);
    },
    versions: () => ({ virtualmin, webmin }),
    tryAgain() {
      passwordRefused = false;
    },
  };
}

/** What Virtualmin answers about a domain that it does not have. */
export function noSuchDomain(domain: string): RemoteApiError {
  return new RemoteApiError(
    'no-such-domain',
    `list-domains for ${domain}`,
    'Virtual server does not exist',
  );
}

/** Loaded at the first call: axios takes 8 MB and a sixth of the time of the start. */
async function createHttp(config: VirtualminConfig, trust: () => Trust): Promise<AxiosInstance> {
  const { default: axios } = await import('axios');
  return axios.create({
    baseURL: `${config.url}/virtual-server/remote.cgi`,
    auth: { username: config.user, password: config.password },
    httpsAgent: verifyingAgent(trust, config.timeout),
    headers: { 'Accept-Encoding': 'identity', 'User-Agent': 'virtualmin-mail-setup' },
    responseType: 'arraybuffer',
    maxContentLength: largestAnswer,
    decompress: false,
    // Both would hand the password to somebody else.
    proxy: false,
    maxRedirects: 0,
    validateStatus: () => true,
  });
}

function wrongPassword(call: string): RemoteApiError {
  return new RemoteApiError(
    'wrong-password',
    call,
    'Webmin does not accept this user name and password',
    'Check VIRTUALMIN_USER and VIRTUALMIN_PASSWORD. Nothing more is asked until you say so, because after five ' +
      'failures Webmin locks this address out.',
  );
}

/** MiniServ answers an address that its rules refuse with these words; a lock-out says more. */
function isAddressRule(body: Buffer): boolean {
  const text = body.toString('latin1', 0, 4096);
  return /access denied for/i.test(text) && !/blocked|too many|failures/i.test(text);
}

function refusal(call: string, reason: string): RemoteApiError {
  return /not allowed/i.test(reason)
    ? new RemoteApiError(
        'not-allowed',
        call,
        `Virtualmin says: ${reason}`,
        'The Webmin user needs the remote API: see "Connecting a server" in docs/standalone.md.',
      )
    : new RemoteApiError('command-failed', call, `Virtualmin says: ${reason}`);
}

function failure(call: string, reason: string | null): RemoteApiError {
  if (reason === null)
    return new RemoteApiError(
      'command-failed',
      call,
      'Virtualmin says that it failed, and not why',
    );
  if (/^virtual server .*does not exist/i.test(reason)) {
    return new RemoteApiError('no-such-domain', call, 'Virtual server does not exist');
  }
  return new RemoteApiError('command-failed', call, `Virtualmin says: ${reason}`);
}

function notUnderstood(call: string, response: AxiosResponse, reason: string): RemoteApiError {
  return new RemoteApiError(
    'not-understood',
    call,
    `${reason} (HTTP ${response.status})`,
    'Is VIRTUALMIN_URL the address of Webmin, and is Virtualmin installed there?',
  );
}

/** Axios's own errors carry the password in their config: nothing of them is passed on but a code. */
function faultOf(
  call: string,
  error: unknown,
  timedOut: boolean,
  config: VirtualminConfig,
): RemoteApiError {
  if (timedOut) {
    return new RemoteApiError(
      'timed-out',
      call,
      `no complete answer within ${config.timeout / 1000} s`,
      'Large domains take long: VIRTUALMIN_TIMEOUT sets how many seconds to wait.',
    );
  }
  const { cause, message } = error as Error;
  if (cause instanceof UntrustedCertificate) {
    return new TlsNotVerifiableError(call, cause.reason, cause.fingerprint);
  }
  if (message.includes('maxContentLength')) {
    return new RemoteApiError(
      'too-large',
      call,
      `the answer is larger than ${largestAnswer / 1024 ** 2} MiB`,
    );
  }
  const code = (error as { code?: unknown } | null)?.code;
  return new RemoteApiError(
    'unreachable',
    call,
    `cannot reach ${config.url} (${typeof code === 'string' ? code : 'connection failed'})`,
    'Is Webmin running there, and does a firewall let this machine in?',
  );
}
