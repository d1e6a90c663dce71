import { Resolver } from 'node:dns/promises';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { LookupFunction } from 'node:net';
import { isIP } from 'node:net';
import pLimit from 'p-limit';
import {
  srvKinds,
  type Discovery,
  type DomainRecords,
  type LookupResult,
  type Lookup,
  type Search,
  type SrvRecord,
  type AdvertisedServer,
} from '../domain/discovery';
import {
  isOwnAddress,
  mayConnect,
  resolveHost,
  type IsOwn,
  type Resolve,
} from '../network/addresses';
import { systemRoots } from '../network/system-roots';
import { autodiscoverRequest, readAutoconfig, readAutodiscover } from './documents';

/** Milliseconds for one HTTP request or one DNS query. */
const timeout = 5_000;

/** Limit for an answer in bytes. */
const maxBytes = 64 * 1024;

const maxRedirects = 3;

const maxConcurrentAddresses = 10;

/** Overrides for tests. */
export interface DiscoveryOptions {
  readonly resolve?: Resolve;
  readonly isOwn?: IsOwn;
  /** Certificates that are trusted, in PEM. */
  readonly roots?: string | string[];
  readonly portOf?: (port: number) => number;
  readonly names?: NameServers;
}

/** DNS queries for MX and SRV records. A failed query returns no records. */
export interface NameServers {
  readonly mx: (domain: string) => Promise<readonly { exchange: string; priority: number }[]>;
  readonly srv: (
    name: string,
  ) => Promise<readonly { name: string; port: number; priority: number; weight: number }[]>;
}

function nameServers(): NameServers {
  const resolver = new Resolver({ timeout: timeout / 2, tries: 2 });
  return {
    mx: (domain) => resolver.resolveMx(domain).catch(() => []),
    srv: (name) => resolver.resolveSrv(name).catch(() => []),
  };
}

/** What automatic setup of mail clients finds for one address of a domain; see `discoverMany`. */
export async function discover(
  emailAddress: string,
  domain: string,
  hosts: readonly string[],
  options: DiscoveryOptions = {},
): Promise<Discovery> {
  const { each, ...records } = await discoverMany([emailAddress], domain, hosts, options);
  return { searches: each[0] ?? [], ...records };
}

/**
 * What automatic setup of mail clients finds for addresses of a domain; `each` is in their order. Requests
 * go only to hosts of the domain. Redirects are followed only within the domain and to `hosts`. Private
 * addresses are used only where they are this machine's own. A host that cannot be reached is tried once.
 */
export async function discoverMany(
  emailAddresses: readonly string[],
  domain: string,
  hosts: readonly string[],
  options: DiscoveryOptions = {},
): Promise<DomainRecords & { readonly each: readonly (readonly Search[])[] }> {
  const web = new WebClient(new Set([domain, `www.${domain}`, ...hosts]), options);
  const names = options.names ?? nameServers();
  const limit = pLimit(maxConcurrentAddresses);
  const [first, ...others] = emailAddresses;
  // The first address is searched alone: this shows which hosts cannot be reached.
  const searches = async () => [
    ...(first === undefined ? [] : [await searchesFor(first, domain, web)]),
    ...(await Promise.all(others.map((address) => limit(() => searchesFor(address, domain, web))))),
  ];
  const [each, srv, mx] = await Promise.all([
    searches(),
    srvRecords(domain, names),
    names.mx(domain),
  ]);
  return {
    each,
    srv,
    mx: [...mx].sort((a, b) => a.priority - b.priority).map(({ exchange }) => exchange),
  };
}

async function searchesFor(
  emailAddress: string,
  domain: string,
  web: WebClient,
): Promise<Search[]> {
  const query = new URLSearchParams({ emailaddress: emailAddress }).toString();
  // Thunderbird sends the address to every place: _fetchConfigFromIsp() in FetchConfig.sys.mjs. Virtualmin
  // redirects /.well-known to a program that needs it.
  const own = `autoconfig.${domain}/mail/config-v1.1.xml?${query}`;
  const known = `${domain}/.well-known/autoconfig/mail/config-v1.1.xml?${query}`;
  const lookUp = async (
    addresses: readonly string[],
    request: (url: string) => Promise<HttpResult>,
    read: (text: string) => Promise<AdvertisedServer[] | null>,
  ): Promise<Lookup[]> =>
    Promise.all(
      addresses.map(async (url) => ({ url, found: await foundIn(await request(url), read) })),
    );
  const [thunderbird, outlook] = await Promise.all([
    lookUp(
      [`https://${own}`, `https://${known}`, `http://${own}`, `http://${known}`],
      (url) => web.get(url),
      (text) => readAutoconfig(text, emailAddress),
    ),
    lookUp(
      [
        `https://${domain}/autodiscover/autodiscover.xml`,
        `https://autodiscover.${domain}/autodiscover/autodiscover.xml`,
      ],
      (url) => web.post(url, autodiscoverRequest(emailAddress)),
      readAutodiscover,
    ),
  ]);
  return [
    { client: 'thunderbird', lookups: thunderbird },
    { client: 'outlook', lookups: outlook },
  ];
}

async function srvRecords(domain: string, names: NameServers): Promise<SrvRecord[]> {
  const found = await Promise.all(
    srvKinds.map(async ({ label, protocol, security }) => {
      const name = `${label}._tcp.${domain}`;
      const records = await names.srv(name);
      return records
        .filter((record) => record.name !== '' && record.name !== '.')
        .map(({ name: target, port }): SrvRecord => {
          const host = target.replace(/\.$/, '');
          return {
            name,
            server: { protocol, host, port, security, login: null, challengeResponse: false },
          };
        });
    }),
  );
  return found.flat();
}

type HttpResult =
  | { readonly kind: 'answer'; readonly status: number; readonly text: string }
  | Extract<LookupResult, { kind: 'unreachable' | 'leads-elsewhere' }>;

async function foundIn(
  answer: HttpResult,
  read: (text: string) => Promise<AdvertisedServer[] | null>,
): Promise<LookupResult> {
  if (answer.kind !== 'answer') return answer;
  if (answer.status !== 200) return { kind: 'nothing', status: answer.status };
  const servers = await read(answer.text);
  return servers === null ? { kind: 'not-understood' } : { kind: 'servers', servers };
}

/** HTTP requests to the hosts that a search is allowed to reach. */
class WebClient {
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;
  /** Hosts that could not be reached, by origin. */
  readonly #unreachable = new Map<string, HttpResult>();

  constructor(
    private readonly hosts: ReadonlySet<string>,
    private readonly options: DiscoveryOptions,
  ) {
    const lookup = allowedLookup(options);
    this.#http = new HttpAgent({ lookup });
    this.#https = new HttpsAgent({ lookup, ca: options.roots ?? systemRoots() });
  }

  get(url: string): Promise<HttpResult> {
    return this.#ask(url, null, maxRedirects);
  }

  post(url: string, body: string): Promise<HttpResult> {
    return this.#ask(url, body, maxRedirects);
  }

  async #ask(url: string, body: string | null, redirects: number): Promise<HttpResult> {
    const { origin } = new URL(url);
    const known = this.#unreachable.get(origin);
    if (known !== undefined) return known;
    const { default: axios } = await import('axios');
    try {
      const answer = await axios.request<string>({
        url: withPort(url, this.options.portOf),
        method: body === null ? 'GET' : 'POST',
        data: body ?? undefined,
        headers: { 'Content-Type': 'text/xml; charset=utf-8', Host: new URL(url).host },
        httpAgent: this.#http,
        httpsAgent: this.#https,
        signal: AbortSignal.timeout(timeout),
        maxContentLength: maxBytes,
        maxRedirects: 0,
        proxy: false,
        responseType: 'text',
        transformResponse: (text: unknown) => text,
        validateStatus: () => true,
      });
      const location: unknown = answer.headers.location;
      if (answer.status >= 300 && answer.status < 400 && typeof location === 'string') {
        const next = URL.canParse(location, url) ? new URL(location, url) : null;
        if (next === null || redirects === 0 || !this.#mayFollow(next)) {
          return { kind: 'leads-elsewhere', to: location.slice(0, 200) };
        }
        return await this.#ask(next.href, body, redirects - 1);
      }
      return { kind: 'answer', status: answer.status, text: answer.data };
    } catch (error) {
      const answer = { kind: 'unreachable', why: whyUnreachable(error) } as const;
      this.#unreachable.set(origin, answer);
      return answer;
    }
  }

  /** Whether a redirect may be followed: to the domain or a prescribed host, on a standard port, not to an IP address. */
  #mayFollow({ protocol, hostname, port, username }: URL): boolean {
    if (!/^https?:$/.test(protocol) || port !== '' || username !== '' || isIP(hostname) !== 0)
      return false;
    return [...this.hosts].some((host) => hostname === host || hostname.endsWith(`.${host}`));
  }
}

function withPort(url: string, portOf: DiscoveryOptions['portOf']): string {
  if (portOf === undefined) return url;
  const changed = new URL(url);
  changed.port = String(portOf(changed.protocol === 'https:' ? 443 : 80));
  return changed.href;
}

class NoAddress extends Error {}

/** A lookup function for connections that returns only allowed addresses. */
function allowedLookup({
  resolve = resolveHost,
  isOwn = isOwnAddress,
}: DiscoveryOptions): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname).then(
      (addresses) => {
        const allowed = addresses
          .filter((address) => mayConnect(address, isOwn))
          .map((address) => ({ address, family: isIP(address) }));
        const [first] = allowed;
        if (first === undefined) callback(new NoAddress(), '', 0);
        else if (options.all === true) callback(null, allowed);
        else callback(null, first.address, first.family);
      },
      () => {
        callback(new NoAddress(), '', 0);
      },
    );
  };
}

function whyUnreachable(error: unknown): 'no-address' | 'no-answer' | 'certificate' {
  const { cause, code } = error as { cause?: unknown; code?: unknown };
  if (cause instanceof NoAddress) return 'no-address';
  return /CERT|SELF_SIGNED|ALTNAME|UNABLE_TO_VERIFY/.test(String(code))
    ? 'certificate'
    : 'no-answer';
}
