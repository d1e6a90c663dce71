import { Resolver } from 'node:dns/promises';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { LookupFunction } from 'node:net';
import { isIP } from 'node:net';
import pLimit from 'p-limit';
import { getDomain } from 'tldts';
import {
  outcomeOf,
  srvKinds,
  type Asked,
  type Discovery,
  type DomainRecords,
  type LookupResult,
  type Lookup,
  type Search,
  type SrvRecord,
} from '../domain/discovery';
import {
  isOwnAddress,
  mayConnect,
  resolveHost,
  type IsOwn,
  type Resolve,
} from '../network/addresses';
import { systemRoots } from '../network/system-roots';
import { readAutoconfig, type Answer, type Reading } from './autoconfig';
import {
  autodiscoverRequest,
  readAutodiscover,
  readAutodiscoverInThunderbird,
  type Redirect,
} from './autodiscover';

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
 * go to hosts of the domain, and to those that its DNS names: to `autoconfig` in the domains of its MX record,
 * and to the target of its SRV record for autodiscover. Redirects are followed only within these domains and to
 * `hosts`. Private addresses are used only where they are this machine's own. A host that cannot be reached is
 * tried once.
 */
export async function discoverMany(
  emailAddresses: readonly string[],
  domain: string,
  hosts: readonly string[],
  options: DiscoveryOptions = {},
): Promise<DomainRecords & { readonly each: readonly (readonly Search[])[] }> {
  const names = options.names ?? nameServers();
  const [srv, exchanges, autodiscoverHost] = await Promise.all([
    srvRecords(domain, names),
    names.mx(domain),
    autodiscoverHostOf(domain, names),
  ]);
  const mx = [...exchanges]
    .sort((a, b) => a.priority - b.priority)
    .map(({ exchange }) => exchange.replace(/\.$/, ''))
    // A domain that receives no mail has an MX record with an empty name (RFC 7505).
    .filter((exchange) => exchange !== '');
  const mxDomains = mxDomainsOf(mx[0] ?? null, domain);
  const web = new WebClient(
    new Set([domain, `www.${domain}`, ...hosts, ...mxDomains, ...(autodiscoverHost ?? [])]),
    options,
  );
  const place = { domain, mxDomains, autodiscoverHost };
  const limit = pLimit(maxConcurrentAddresses);
  const [first, ...others] = emailAddresses;
  // The first address is searched alone: this shows which hosts cannot be reached.
  const each = [
    ...(first === undefined ? [] : [await searchesFor(first, place, web)]),
    ...(await Promise.all(others.map((address) => limit(() => searchesFor(address, place, web))))),
  ];
  return { each, srv, mx };
}

/** What a search needs to know of a domain. */
interface Place {
  readonly domain: string;
  readonly mxDomains: readonly string[];
  readonly autodiscoverHost: readonly [string] | null;
}

/**
 * The domains where Thunderbird looks because of the MX record: that of the host, and the one that somebody
 * registered. None where the latter is the domain itself. fetchConfigForMX() in FetchConfig.sys.mjs.
 */
function mxDomainsOf(host: string | null, domain: string): string[] {
  const registered = host === null ? null : getDomain(host, { allowPrivateDomains: true });
  if (host === null || registered === null || registered === domain) return [];
  const next = host === registered ? registered : host.slice(host.indexOf('.') + 1).toLowerCase();
  return [...new Set([next, registered])];
}

/** The host of the SRV record for autodiscover; null where there is none. */
async function autodiscoverHostOf(domain: string, names: NameServers): Promise<[string] | null> {
  const records = await names.srv(autodiscoverRecord(domain));
  const [first] = [...records].sort((a, b) => a.priority - b.priority || b.weight - a.weight);
  const host = first?.name.replace(/\.$/, '').toLowerCase() ?? '';
  return /^[a-z0-9.-]+$/.test(host) && isIP(host) === 0 ? [host] : null;
}

function autodiscoverRecord(domain: string): string {
  return `_autodiscover._tcp.${domain}`;
}

async function searchesFor(emailAddress: string, place: Place, web: WebClient): Promise<Search[]> {
  return Promise.all([
    searchInTurn('thunderbird', thunderbirdPlaces(emailAddress, place, web)),
    searchInTurn('outlook', outlookPlaces(emailAddress, place, web)),
  ]);
}

/** A place where a client looks, before the app has looked there. */
interface Looking {
  readonly step: string;
  readonly asked: Lookup['asked'];
  readonly look: () => Promise<Pick<Lookup, 'found'> & Partial<Pick<Lookup, 'asked'>>>;
}

/** Looks at places, those in an inner list concurrently, until the client has settings or is led elsewhere. */
async function searchInTurn(
  client: Search['client'],
  turns: readonly (readonly Looking[])[],
): Promise<Search> {
  const lookups: Lookup[] = [];
  for (const turn of turns) {
    const settled = outcomeOf({ client, lookups }).kind !== 'guesses';
    lookups.push(
      ...(await Promise.all(
        turn.map(async ({ step, asked, look }): Promise<Lookup> => {
          const found: LookupResult = { kind: 'not-asked', why: 'settled' };
          return { step, asked, ...(settled ? { found } : await look()) };
        }),
      )),
    );
  }
  return { client, lookups };
}

/**
 * Where Thunderbird 153 looks, with the default preferences: parallelAutoDiscovery() in FindConfig.sys.mjs,
 * FetchConfig.sys.mjs and ExchangeAutoDiscover.sys.mjs. It sends the address to every place of autoconfig:
 * Virtualmin redirects /.well-known to a program that needs it.
 */
function thunderbirdPlaces(
  emailAddress: string,
  { domain, mxDomains, autodiscoverHost }: Place,
  web: WebClient,
): Looking[][] {
  const query = new URLSearchParams({ emailaddress: emailAddress }).toString();
  const file = `mail/config-v1.1.xml?${query}`;
  const autoconfig = (step: string, url: string): Looking => ({
    step,
    asked: [{ method: 'GET', url }],
    look: async () => {
      const { asked, result } = await web.get(url);
      return { asked, found: foundIn(result, (answer) => readAutoconfig(answer, emailAddress)) };
    },
  });
  /** Thunderbird's own collection of large providers. */
  const database = (name: string): Looking => ({
    step: `database ${name}`,
    asked: [{ method: 'GET', url: `https://live.thunderbird.net/autoconfig/v1.1/${name}` }],
    look: () => Promise.resolve({ found: { kind: 'not-asked', why: 'others' } }),
  });
  const autodiscover = (url: string): Looking => ({
    step: 'autodiscover',
    asked: [{ method: 'POST', url }],
    look: () => askAutodiscover(web, domain, emailAddress, url, readForThunderbird),
  });
  const readForThunderbird = (answer: Answer) =>
    readAutodiscoverInThunderbird(answer, emailAddress);
  return [
    ['https', 'http'].flatMap((scheme) => [
      autoconfig('domain', `${scheme}://autoconfig.${domain}/${file}`),
      autoconfig('domain', `${scheme}://${domain}/.well-known/autoconfig/${file}`),
    ]),
    [database(domain)],
    mxDomains.flatMap((name) => [
      autoconfig(`mx ${name}`, `https://autoconfig.${name}/${file}`),
      database(name),
    ]),
    [
      autodiscover(autodiscoverAt(`https://autodiscover.${domain}`)),
      autodiscover(autodiscoverAt(`https://${domain}`)),
      autodiscover(autodiscoverAt(`http://autodiscover.${domain}`)),
      {
        ...autodiscoverBySrv(emailAddress, domain, autodiscoverHost, web, readForThunderbird),
        step: 'autodiscover',
      },
    ],
  ];
}

/**
 * Where Outlook looks, apart from Microsoft's own servers and a company's directory: "Outlook 2016
 * implementation of Autodiscover" (Microsoft's article 3211279) and [MS-OXDISCO], 3.1.5. It goes on after an
 * answer that is no settings. Without TLS only a redirect counts.
 */
function outlookPlaces(
  emailAddress: string,
  { domain, autodiscoverHost }: Place,
  web: WebClient,
): Looking[][] {
  const post = (url: string): Looking => ({
    step: url,
    asked: [{ method: 'POST', url }],
    look: () => askAutodiscover(web, domain, emailAddress, url, readAutodiscover),
  });
  const plain = autodiscoverAt(`http://autodiscover.${domain}`);
  return [
    [
      post(autodiscoverAt(`https://${domain}`)),
      post(autodiscoverAt(`https://autodiscover.${domain}`)),
    ],
    [
      {
        step: plain,
        asked: [{ method: 'GET', url: plain }],
        look: async () => {
          const { asked, result } = await web.get(plain, 0);
          if (result.kind === 'answer') {
            return { found: { kind: 'no-redirect', status: result.status } };
          }
          if (result.kind !== 'redirect') return { found: result };
          const then = await askAutodiscover(
            web,
            domain,
            emailAddress,
            result.to,
            readAutodiscover,
          );
          return { asked: [...asked, ...then.asked], found: then.found };
        },
      },
    ],
    [autodiscoverBySrv(emailAddress, domain, autodiscoverHost, web, readAutodiscover)],
  ];
}

function autodiscoverAt(origin: string): string {
  return `${origin}/autodiscover/autodiscover.xml`;
}

type ReadAutodiscover = (answer: Answer) => Reading | Redirect;

/** The place that the SRV record for autodiscover names. Its port does not count ([MS-OXDISCO], 3.1.5.3). */
function autodiscoverBySrv(
  emailAddress: string,
  domain: string,
  host: Place['autodiscoverHost'],
  web: WebClient,
  read: ReadAutodiscover,
): Looking {
  const record: Asked = { method: 'SRV', url: autodiscoverRecord(domain) };
  return {
    step: record.url,
    asked: [record],
    look: async () => {
      if (host === null) return { found: { kind: 'no-record' } };
      const url = autodiscoverAt(`https://${host[0]}`);
      const { asked, found } = await askAutodiscover(web, domain, emailAddress, url, read);
      return { asked: [record, ...asked], found };
    },
  };
}

/** Asks an autodiscover server, and again where its answer names another URL or another address of the domain. */
async function askAutodiscover(
  web: WebClient,
  domain: string,
  emailAddress: string,
  url: string,
  read: ReadAutodiscover,
): Promise<Pick<Lookup, 'asked' | 'found'>> {
  const before: Asked[] = [];
  let [next, address] = [url, emailAddress];
  for (let redirects = maxRedirects; ; redirects--) {
    const { asked, result } = await web.post(next, autodiscoverRequest(address), redirects);
    const all: Lookup['asked'] = [...before, ...asked] as unknown as Lookup['asked'];
    if (result.kind !== 'answer' || !isSuccess(result.status)) {
      return { asked: all, found: foundIn(result, () => ({ kind: 'not-understood' })) };
    }
    const reading = read(result);
    const to = reading.kind === 'to-url' || reading.kind === 'to-address' ? reading.to : '';
    if (reading.kind === 'to-url' && redirects > 0 && web.mayFollow(to)) next = to;
    else if (
      reading.kind === 'to-address' &&
      redirects > 0 &&
      to.toLowerCase().endsWith(`@${domain}`)
    )
      [next, address] = [asked.at(-1)?.url ?? next, to];
    else if (reading.kind === 'to-url' || reading.kind === 'to-address')
      return { asked: all, found: { kind: 'leads-elsewhere', to: to.slice(0, 200) } };
    else return { asked: all, found: reading };
    before.push(...asked);
  }
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
            server: { protocol, host, port, security, login: null, flaws: [] },
          };
        });
    }),
  );
  return found.flat();
}

type HttpResult =
  | ({ readonly kind: 'answer'; readonly status: number } & Answer)
  /** A redirect that may be followed, and was not because of the limit. */
  | { readonly kind: 'redirect'; readonly to: string }
  | Extract<LookupResult, { kind: 'unreachable' | 'leads-elsewhere' }>;

/** The requests that were made, and the result of the last one. */
interface Exchange {
  readonly asked: readonly [Asked, ...Asked[]];
  readonly result: HttpResult;
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function foundIn(result: HttpResult, read: (answer: Answer) => Reading): LookupResult {
  if (result.kind === 'redirect') return { kind: 'leads-elsewhere', to: result.to.slice(0, 200) };
  if (result.kind !== 'answer') return result;
  return isSuccess(result.status) ? read(result) : { kind: 'nothing', status: result.status };
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

  get(url: string, redirects = maxRedirects): Promise<Exchange> {
    return this.#ask(url, null, redirects);
  }

  /** A redirect gets the same body: clients repeat the request there. */
  post(url: string, body: string, redirects: number): Promise<Exchange> {
    return this.#ask(url, body, redirects);
  }

  async #ask(url: string, body: string | null, redirects: number): Promise<Exchange> {
    const asked: Asked = { method: body === null ? 'GET' : 'POST', url };
    const result = await this.#request(asked, body);
    if (result.kind !== 'redirect' || redirects === 0) return { asked: [asked], result };
    const next = await this.#ask(result.to, body, redirects - 1);
    return { asked: [asked, ...next.asked], result: next.result };
  }

  async #request({ method, url }: Asked, body: string | null): Promise<HttpResult> {
    const { origin } = new URL(url);
    const known = this.#unreachable.get(origin);
    if (known !== undefined) return known;
    const { default: axios } = await import('axios');
    try {
      const answer = await axios.request<string>({
        url: withPort(url, this.options.portOf),
        method,
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
        const next = URL.canParse(location, url) ? new URL(location, url).href : '';
        return this.mayFollow(next)
          ? { kind: 'redirect', to: next }
          : { kind: 'leads-elsewhere', to: location.slice(0, 200) };
      }
      const contentType: unknown = answer.headers['content-type'];
      return {
        ...{ kind: 'answer', status: answer.status, text: answer.data },
        contentType: typeof contentType === 'string' ? contentType : '',
      };
    } catch (error) {
      const answer = { kind: 'unreachable', why: whyUnreachable(error) } as const;
      this.#unreachable.set(origin, answer);
      return answer;
    }
  }

  /** Whether a redirect may be followed: to one of the hosts or below it, on a standard port, not to an IP address. */
  mayFollow(url: string): boolean {
    if (!URL.canParse(url)) return false;
    const { protocol, hostname, port, username } = new URL(url);
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
