import type { AxiosInstance, AxiosResponse } from 'axios';
import pLimit from 'p-limit';
import type { DomainUsers } from '../domain/mailbox';
import type { VirtualServer } from '../domain/virtual-server';
import { readAnswer, type Noise, type Row, type RowShape } from './answer';
import { domainRows, fromNames, nameRows, toNames, toVirtualServers } from './domains';
import { LockedOutError, RemoteApiError, TlsNotVerifiableError } from './errors';
import { UntrustedCertificate, verifyingAgent, type Trust } from './trust';
import { toDomainUsers, toUsersByDomain, userRows } from './users';
import { explainAnswer, explainFailure, type Explanation } from './wrong-address';

/** How to reach Virtualmin's remote API. */
export interface VirtualminConfig {
  /** Origin and URL prefix, without a slash at the end: `https://panel.example.com:10000`. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly format: 'json' | 'xml';
  readonly trust: Trust;
  /** Milliseconds for one call, from the request to the end of the answer. */
  readonly timeout: number;
}

/** The server's versions as far as the answers so far show them; null where they do not. */
export interface ServerVersions {
  /** The API's answers contain no version. A field that one version introduced shows "since" or "before" it. */
  readonly virtualmin: { readonly when: 'since' | 'before'; readonly version: string } | null;
  /** From the Server header of Webmin's own web server. */
  readonly webmin: string | null;
}

/** Virtualmin's remote API. Every method rejects only with RemoteApiError. */
export interface VirtualminClient {
  /**
   * Every virtual server that the account may see, sorted by name. With more than `maxDescribed` of them
   * the description, the reseller, and the parent of sub-servers and aliases are missing.
   */
  readonly listDomains: () => Promise<readonly VirtualServer[]>;
  /** One virtual server. Rejects with code `no-such-domain` where it does not exist. */
  readonly describeDomain: (domain: string) => Promise<VirtualServer>;
  /** All users of one virtual server, including the owner. */
  readonly listUsers: (domain: string) => Promise<DomainUsers>;
  /** All users of all virtual servers, by domain: one call, where each call alone takes Virtualmin most of a second. */
  readonly listAllUsers: () => Promise<ReadonlyMap<string, DomainUsers>>;
  readonly versions: () => ServerVersions;
  /** Allows calls again after a wrong password. A lock-out still has to end first. */
  readonly tryAgain: () => void;
}

/** In bytes: ten times the answer for a domain with 5,000 mailboxes. */
const maxAnswerBytes = 64 * 1024 * 1024;

/** Webmin's `blockhost_time`, in milliseconds. */
const lockOutTime = 60_000;

const maxConcurrentCalls = 2;

/**
 * The largest number of virtual servers for which the list is requested with all fields. For each of
 * them list-domains.pl reads all Unix users: with 2,000 domains and 7,000 users that takes minutes,
 * while a list of names takes a second.
 */
const maxDescribed = 100;

/**
 * A client for one server. It makes at most two calls concurrently. After a wrong password it makes none
 * until `tryAgain`, because Webmin blocks this machine's address after five. `now` returns milliseconds
 * since 1970, `trust` decides for each connection which certificate is accepted, `read` parses an answer, and
 * `reportNoise` is called for each answer with other text around it.
 */
export function createVirtualminClient(
  config: VirtualminConfig,
  now: () => number = Date.now,
  trust: () => Trust = () => config.trust,
  read: typeof readAnswer = readAnswer,
  reportNoise: (call: string, noise: Noise) => void = () => undefined,
): VirtualminClient {
  const limit = pLimit(maxConcurrentCalls);
  let http: Promise<AxiosInstance> | undefined;
  /** The error of the call whose password was refused. */
  let refused: ReturnType<typeof loginRefused> | null = null;
  let lockedOutUntil = 0;
  let webmin: string | null = null;
  let virtualmin: ServerVersions['virtualmin'] = null;

  async function request<Field extends string>(
    call: string,
    parameters: Readonly<Record<string, string>>,
    shape: RowShape<Field>,
  ): Promise<readonly Row<Field>[]> {
    return limit(async () => {
      if (refused !== null) throw refused(call);
      if (now() < lockedOutUntil) throw new LockedOutError(call, lockedOutUntil);
      const layout = shape.begins === null ? 'name-only' : 'multiline';
      const asked = { ...parameters, [layout]: '' };
      const response = await get(call, { ...asked, [config.format]: '1' });
      const server = /^MiniServ(?:\/([\w.]+))?/.exec(String(response.headers.server ?? ''));
      webmin = server?.[1] ?? webmin;
      return rowsOf(call, asked, response, shape);
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
      throw toRemoteApiError(call, error, signal.aborted, config);
    }
  }

  async function rowsOf<Field extends string>(
    call: string,
    asked: Readonly<Record<string, string>>,
    response: AxiosResponse<Buffer>,
    shape: RowShape<Field>,
  ): Promise<readonly Row<Field>[]> {
    if (response.status === 401) {
      refused = loginRefused(response);
      throw refused(call);
    }
    if (response.status === 403) {
      const rule = accessRule(response.data);
      if (rule !== null) throw new RemoteApiError('not-allowed', call, rule.reason, rule.advice);
      lockedOutUntil = now() + lockOutTime;
      throw new LockedOutError(call, lockedOutUntil);
    }
    const answer = await read(response.data, shape).catch(() => {
      throw notUnderstood(call, response, 'the answer could not be read', config);
    });
    switch (answer.kind) {
      case 'rows':
        if (answer.noise !== null) reportNoise(call, answer.noise);
        if (response.status === 200) return answer.rows;
        throw notUnderstood(call, response, 'an answer with an unexpected status', config);
      case 'refusal':
        throw refusal(call, answer.reason);
      case 'failure':
        throw failure(call, answer.reason);
      case 'mixed':
        throw mixed(call, asked, answer.place);
      case 'not-understood':
        if (response.status >= 500 && explainAnswer(response, config.url) === null) {
          throw new RemoteApiError(
            'command-failed',
            call,
            `Virtualmin failed with an error (HTTP ${response.status})`,
            "See Webmin's error log, /var/webmin/miniserv.error.",
          );
        }
        throw notUnderstood(call, response, answer.reason, config);
    }
  }

  async function names(filter: Readonly<Record<string, string>> = {}) {
    return toNames(await request('list-domains', { program: 'list-domains', ...filter }, nameRows));
  }

  async function describe(domain: string) {
    const parameters = { program: 'list-domains', domain };
    return request(`list-domains for ${domain}`, parameters, domainRows);
  }

  return {
    async listDomains() {
      const all = await names();
      if (all.size <= maxDescribed) {
        const rows = await request('list-domains', { program: 'list-domains' }, domainRows);
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
      const { relation } = server;
      if (relation.kind !== 'sub-server' || relation.parent === null) return server;
      const parent = await describe(relation.parent);
      return find(toVirtualServers([...rows, ...parent])) ?? server;
    },
    async listUsers(domain) {
      const rows = await request(
        `list-users for ${domain}`,
        { program: 'list-users', domain, 'include-owner': '' },
        userRows,
      );
      if (rows.length > 0) {
        // Virtualmin 7.30 introduced this field.
        const since = rows.some((row) => row.values.no_password_accepted);
        virtualmin = { when: since ? 'since' : 'before', version: '7.30' };
      }
      return toDomainUsers(domain, rows);
    },
    async listAllUsers() {
      const rows = await request(
        'list-users for all domains',
        { program: 'list-users', 'all-domains': '', 'include-owner': '' },
        userRows,
      );
      return toUsersByDomain(rows);
    },
    versions: () => ({ virtualmin, webmin }),
    tryAgain() {
      refused = null;
    },
  };
}

/** The error for a domain that Virtualmin does not have. */
export function noSuchDomain(domain: string): RemoteApiError {
  return new RemoteApiError(
    'no-such-domain',
    `list-domains for ${domain}`,
    'Virtual server does not exist',
  );
}

/** axios is imported at the first call: it takes 8 MB and a sixth of the start-up time. */
async function createHttp(config: VirtualminConfig, trust: () => Trust): Promise<AxiosInstance> {
  const { default: axios } = await import('axios');
  return axios.create({
    baseURL: `${config.url}/virtual-server/remote.cgi`,
    auth: { username: config.user, password: config.password },
    httpsAgent: verifyingAgent(trust, config.timeout),
    headers: { 'Accept-Encoding': 'identity', 'User-Agent': 'virtualmin-mail-setup' },
    responseType: 'arraybuffer',
    maxContentLength: maxAnswerBytes,
    decompress: false,
    // A proxy or a redirect would send the password to another server.
    proxy: false,
    maxRedirects: 0,
    validateStatus: () => true,
  });
}

/** The error for a 401, for each call. Webmin names the reason for a user with two factors (miniserv-lib.pl). */
function loginRefused({ headers }: AxiosResponse): (call: string) => RemoteApiError {
  const twoFactor = headers['x-webmin-auth-error'] === 'twofactor-required';
  const [reason, advice] = twoFactor
    ? [
        'this Webmin user has two-factor authentication, and the API takes only a password',
        'Use a Webmin user without it: see "Connecting a server" in docs/standalone.md.',
      ]
    : [
        'Webmin does not accept this user name and password',
        'Check VIRTUALMIN_USER and VIRTUALMIN_PASSWORD.',
      ];
  const wait =
    'No further request is made until you choose to try again, because Webmin blocks this address after five failed logins.';
  return (call) => new RemoteApiError('wrong-password', call, reason, `${advice} ${wait}`);
}

/** Why Webmin refused the connection, by its rules (miniserv-lib.pl). Null if it is a lock-out, which has further words. */
function accessRule(body: Buffer): Explanation | null {
  const text = body.toString('latin1', 0, 4096);
  if (/blocked|too many|failures/i.test(text)) return null;
  if (/access denied at the current time/i.test(text)) {
    return {
      reason: 'Webmin lets this user in only at other times',
      advice: 'On the server: Webmin Users, the user, Security and limits options, allowed times.',
    };
  }
  if (/access denied for/i.test(text)) {
    return {
      reason: 'Webmin accepts no connection from this address',
      advice:
        'On the server: Webmin Configuration, IP Access Control, and IP access control of the Webmin user.',
    };
  }
  return null;
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
      'Virtualmin reports a failure without a reason',
    );
  if (/^virtual server .*does not exist/i.test(reason)) {
    return new RemoteApiError('no-such-domain', call, 'Virtual server does not exist');
  }
  return new RemoteApiError('command-failed', call, `Virtualmin says: ${reason}`);
}

/** In a terminal, Virtualmin's own command prints the warnings, too; elsewhere Webmin suppresses them (web-lib-funcs.pl). */
function mixed(
  call: string,
  { program = '', ...parameters }: Readonly<Record<string, string>>,
  place: string | null,
): RemoteApiError {
  const words = Object.entries(parameters).map(([name, value]) => `--${name} ${value}`.trimEnd());
  const warnings = place === null ? 'warnings' : `warnings, the first from ${place},`;
  return new RemoteApiError(
    'mixed',
    call,
    `${warnings} are among the rows of Virtualmin's answer and cut them, so nothing of it is shown`,
    `As root in a terminal of the server, "virtualmin ${[program, ...words].join(' ')}" prints them. Mend their cause.`,
  );
}

function notUnderstood(
  call: string,
  response: AxiosResponse<Buffer>,
  unknown: string,
  { url }: VirtualminConfig,
): RemoteApiError {
  const { reason, advice } = explainAnswer(response, url) ?? {
    reason: `${unknown} (HTTP ${response.status})`,
    advice: 'Is VIRTUALMIN_URL the address of Webmin, and is Virtualmin installed there?',
  };
  return new RemoteApiError('not-understood', call, reason, advice);
}

/** Translates an error of axios. Its config holds the password, so only its code is passed on. */
function toRemoteApiError(
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
      'Large domains take long. Set VIRTUALMIN_TIMEOUT to a larger number of seconds.',
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
      `the answer is larger than ${maxAnswerBytes / 1024 ** 2} MiB`,
    );
  }
  const code = (error as { code?: unknown } | null)?.code;
  const misdirected = explainFailure(typeof code === 'string' ? code : '', message, config.url);
  if (misdirected !== null) {
    const { reason, advice } = misdirected;
    return new RemoteApiError('not-understood', call, reason, advice);
  }
  return new RemoteApiError(
    'unreachable',
    call,
    `cannot reach ${config.url} (${typeof code === 'string' ? code : 'connection failed'})`,
    'Check that Webmin is running there and that no firewall blocks this machine.',
  );
}
