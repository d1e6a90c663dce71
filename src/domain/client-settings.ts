import { otherReadableAddress } from './email-address';
import {
  deliveryProblem,
  isUnreadable,
  loginIsEmailAddress,
  type Delivery,
  type DeliveryProblem,
  type Mailbox,
} from './mailbox';
import {
  conditionOf,
  conditions,
  observationOf,
  type Condition,
  type Endpoint,
  type Observations,
  type Result,
} from './observation';
import { forDomain, type MailPolicy, type Ports, type Security } from './policy';
import type { VirtualServer } from './virtual-server';

export type Protocol = 'imap' | 'pop3' | 'submission';

/**
 * A client uses `recommended`, or `fallback` where that does not connect. An `alternative` is another
 * protocol, which the user has to choose. No client is told of a service that is `not-offered`: its check
 * failed, and another one works better.
 */
export type Role = 'recommended' | 'fallback' | 'alternative' | 'not-offered';

/** One way to reach a mail server. */
export interface Service {
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  readonly security: Security;
  /** A normal password inside TLS: never SPA, CRAM-MD5 or another challenge-response. */
  readonly authentication: 'normal-password';
  readonly role: Role;
}

/** What an administrator must know about a mailbox before handing out its settings. */
export type Warning =
  | 'login-is-not-email-address'
  | 'mailbox-disabled'
  | 'domain-disabled'
  | 'domain-without-mail'
  | 'password-not-accepted'
  | 'real-name-unreadable'
  | DeliveryProblem
  | 'server-broken'
  | 'certificate-not-accepted';

/** The services of a domain, the same for each of its mailboxes. */
export interface DomainServices {
  /** In the order a client should try them. */
  readonly incoming: readonly Service[];
  /** In the order a client should try them. Authentication is mandatory. */
  readonly outgoing: readonly Service[];
  /** Services of the policy that the checks found worse than those above. */
  readonly notOffered: readonly Service[];
  /** What the checks found; empty where nothing was checked. */
  readonly observations: Observations;
}

/** All values that a mail client needs for one mailbox. Never holds a password. */
export interface ClientSettings extends DomainServices {
  readonly domain: string;
  readonly emailAddress: string;
  /** The address with its internationalised domain as people read it; null where that is the same. */
  readonly readableAddress: string | null;
  readonly login: string;
  readonly loginIsEmailAddress: boolean;
  readonly realName: string;
  readonly extraAddresses: readonly string[];
  readonly delivery: Delivery;
  readonly disabled: boolean;
  readonly webmailUrl: string | null;
  readonly supportContact: string | null;
  readonly warnings: readonly Warning[];
}

/** Decides the settings of one mailbox. Nothing else chooses a login. */
export function decideClientSettings(
  mailbox: Mailbox,
  server: VirtualServer,
  policy: MailPolicy,
  observations: Observations = [],
): ClientSettings {
  return settingsOfMailbox(mailbox, server, settingsOfDomain(server, policy, observations));
}

/** Decides the settings of several mailboxes of one domain, in their order. The domain's part is decided once. */
export function decideAllClientSettings(
  mailboxes: readonly Mailbox[],
  server: VirtualServer,
  policy: MailPolicy,
  observations: Observations,
): ClientSettings[] {
  const common = settingsOfDomain(server, policy, observations);
  return mailboxes.map((mailbox) => settingsOfMailbox(mailbox, server, common));
}

type DomainSettings = DomainServices &
  Pick<ClientSettings, 'webmailUrl' | 'supportContact' | 'warnings'>;

function settingsOfDomain(
  server: VirtualServer,
  policy: MailPolicy,
  observations: Observations,
): DomainSettings {
  const { webmailUrl, supportContact } = policy.branding;
  const services = decideServices(server.name, policy, observations);
  return {
    ...services,
    warnings: warningsForServices(services),
    webmailUrl: webmailUrl === null ? null : forDomain(webmailUrl, server.name),
    supportContact,
  };
}

function settingsOfMailbox(
  mailbox: Mailbox,
  server: VirtualServer,
  common: DomainSettings,
): ClientSettings {
  return {
    domain: server.name,
    emailAddress: mailbox.emailAddress,
    readableAddress: otherReadableAddress(mailbox.emailAddress),
    login: mailbox.login,
    loginIsEmailAddress: loginIsEmailAddress(mailbox),
    realName: mailbox.realName,
    extraAddresses: mailbox.extraAddresses,
    delivery: mailbox.delivery,
    disabled: mailbox.disabled,
    ...common,
    warnings: [...warningsFor(mailbox, server), ...common.warnings],
  };
}

/**
 * Decides the services of a domain. Nothing else chooses a host, a port or how it is secured.
 *
 * For incoming mail, the first protocol that the policy offers is recommended with the preferred
 * security, and the other security is the fallback. Beside IMAP, POP3 is only an alternative. A port that
 * the checks found in a worse condition than another one of its protocol is not offered, and neither is
 * POP3 where it is worse than IMAP. Where all are in the same condition, all are offered.
 */
export function decideServices(
  domain: string,
  policy: MailPolicy,
  observations: Observations = [],
): DomainServices {
  const incomingHost = forDomain(policy.incomingHost, domain);
  const outgoingHost = forDomain(policy.outgoingHost, domain);
  const order = bySecurity(policy.preferredSecurity);
  const imap = endpoints('imap', incomingHost, policy.imap, order);
  const pop3 = policy.offerPop3 ? endpoints('pop3', incomingHost, policy.pop3, order) : [];
  const submission = endpoints('submission', outgoingHost, policy.submission, order);
  const rank = (endpoint: Endpoint) => conditions.indexOf(conditionIn(observations, endpoint));
  const [first, second] = imap.length > 0 ? [imap, pop3] : [pop3, []];
  const incoming = lowest(first, rank);
  const alternatives = lowest(second, rank).filter((one) => rank(one) <= leastRank(incoming, rank));
  const outgoing = lowest(submission, rank);
  const offered = [...incoming, ...alternatives, ...outgoing];
  return {
    incoming: [...incoming.map(inOrder), ...alternatives.map((one) => service(one, 'alternative'))],
    outgoing: outgoing.map(inOrder),
    notOffered: [...imap, ...pop3, ...submission]
      .filter((one) => !offered.includes(one))
      .map((one) => service(one, 'not-offered')),
    observations,
  };
}

/** All services of the policy: those that clients are told of, and those that are not offered. */
export function allServices({ incoming, outgoing, notOffered }: DomainServices): Service[] {
  return [...incoming, ...outgoing, ...notOffered];
}

function conditionIn(observations: Observations, endpoint: Endpoint): Condition {
  const checked = observationOf(observations, endpoint);
  return checked === null ? 'usable' : conditionOf(checked.observation.result);
}

/** The endpoints with the lowest rank, in their order. */
function lowest(all: readonly Endpoint[], rank: (one: Endpoint) => number): Endpoint[] {
  return all.filter((one) => rank(one) === leastRank(all, rank));
}

function leastRank(all: readonly Endpoint[], rank: (one: Endpoint) => number): number {
  return Math.min(...all.map(rank));
}

/** A service that the policy prefers but that is not recommended, because its check failed. */
export interface Avoided {
  readonly service: Service;
  readonly instead: Service;
  readonly result: Result;
  /** Milliseconds since 1970. */
  readonly asOf: number;
}

/** The services that the policy prefers and that are not recommended because their checks failed. */
export function avoidedIn(
  { incoming, outgoing, notOffered, observations }: DomainServices,
  { preferredSecurity }: Pick<MailPolicy, 'preferredSecurity'>,
): Avoided[] {
  return [incoming, outgoing].flatMap((services) => {
    const { recommended: instead } = byRole(services);
    const service = notOffered.find(
      ({ protocol, security }) => protocol === instead.protocol && security === preferredSecurity,
    );
    const checked = service && observationOf(observations, service);
    if (service === undefined || !checked) return [];
    return [{ service, instead, result: checked.observation.result, asOf: checked.asOf }];
  });
}

/**
 * When the checks showed that the recommended services work, in milliseconds since 1970; the older time
 * where they are on two hosts. Null unless all of them are proven.
 */
export function provenAsOf({ incoming, outgoing, observations }: DomainServices): number | null {
  const checks = [incoming, outgoing].map((services) =>
    observationOf(observations, byRole(services).recommended),
  );
  const times = checks.flatMap((one) =>
    one?.observation.result.kind === 'proven' ? [one.asOf] : [],
  );
  return times.length === checks.length ? Math.min(...times) : null;
}

/** The services of one direction (incoming or outgoing), by role. */
export interface ServicesByRole {
  readonly recommended: Service;
  readonly fallback: Service | null;
  readonly alternatives: readonly Service[];
}

/** Sorts the services of one direction by role. Throws unless one of them is recommended. */
export function byRole(services: readonly Service[]): ServicesByRole {
  const recommended = services.find(({ role }) => role === 'recommended');
  if (recommended === undefined) throw new Error('no service is recommended');
  return {
    recommended,
    fallback: services.find(({ role }) => role === 'fallback') ?? null,
    alternatives: services.filter(({ role }) => role === 'alternative'),
  };
}

/** One incoming and one outgoing service with implicit TLS; null where the policy lacks either. */
export function withImplicitTls(
  { incoming, outgoing }: Pick<DomainServices, 'incoming' | 'outgoing'>,
  protocol: 'imap' | 'pop3',
): { readonly incoming: Service; readonly outgoing: Service } | null {
  const receiving = incoming.find((one) => one.protocol === protocol && isImplicit(one));
  const sending = outgoing.find(isImplicit);
  if (receiving === undefined || sending === undefined) return null;
  return { incoming: receiving, outgoing: sending };
}

/** The service of the recommended protocol with implicit TLS; the recommended service where that is not offered. */
export function recommendedWithImplicitTls(services: readonly Service[]): Service {
  const { recommended } = byRole(services);
  const { protocol } = recommended;
  return services.find((one) => one.protocol === protocol && isImplicit(one)) ?? recommended;
}

function isImplicit({ security }: Service): boolean {
  return security === 'implicit-tls';
}

function bySecurity(preferred: Security): readonly [Security, Security] {
  return preferred === 'starttls' ? ['starttls', 'implicit-tls'] : ['implicit-tls', 'starttls'];
}

/** The endpoints of a protocol that the policy has, in this order. */
function endpoints(
  protocol: Protocol,
  host: string,
  ports: Ports,
  order: readonly Security[],
): Endpoint[] {
  return order.flatMap((security) => {
    const port = ports[security];
    return port === null ? [] : [{ protocol, host, port, security }];
  });
}

function service(endpoint: Endpoint, role: Role): Service {
  return { ...endpoint, authentication: 'normal-password', role };
}

function inOrder(endpoint: Endpoint, index: number): Service {
  return service(endpoint, index === 0 ? 'recommended' : 'fallback');
}

function warningsFor(mailbox: Mailbox, server: VirtualServer): Warning[] {
  const applies: readonly (readonly [Warning, boolean])[] = [
    ['mailbox-disabled', mailbox.disabled],
    ['domain-disabled', server.disabled !== null],
    ['domain-without-mail', !server.mail],
    ['password-not-accepted', !mailbox.passwordAccepted],
    ['login-is-not-email-address', !loginIsEmailAddress(mailbox)],
    ['real-name-unreadable', isUnreadable(mailbox.realName)],
  ];
  const problem = deliveryProblem(mailbox.delivery);
  return [
    ...applies.filter(([, does]) => does).map(([warning]) => warning),
    ...(problem === null ? [] : [problem]),
  ];
}

/** What the checks of the recommended services mean for whoever hands the settings out. */
function warningsForServices({ incoming, outgoing, observations }: DomainServices): Warning[] {
  const found = [incoming, outgoing].map((services) =>
    conditionIn(observations, byRole(services).recommended),
  );
  return [
    ...(found.includes('unusable') ? ['server-broken' as const] : []),
    ...(found.includes('certificate-not-accepted') ? ['certificate-not-accepted' as const] : []),
  ];
}
