import { isUnreadable, loginIsEmailAddress, type Mailbox } from './mailbox';
import {
  isBroken,
  observationOf,
  type Endpoint,
  type Observations,
  type Result,
} from './observation';
import { forDomain, type MailPolicy, type Ports, type Security } from './policy';
import type { VirtualServer } from './virtual-server';

export type Protocol = 'imap' | 'pop3' | 'submission';

/**
 * A client uses `recommended`, or `fallback` where that does not connect. An `alternative` is another
 * protocol, which the user has to choose.
 */
export type Role = 'recommended' | 'fallback' | 'alternative';

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
  | 'real-name-unreadable';

/** The services of a domain, the same for each of its mailboxes. */
export interface DomainServices {
  /** In the order a client should try them. */
  readonly incoming: readonly Service[];
  /** In the order a client should try them. Authentication is mandatory. */
  readonly outgoing: readonly Service[];
  /** What the checks found; empty where nothing was checked. */
  readonly observations: Observations;
}

/** All values that a mail client needs for one mailbox. Never holds a password. */
export interface ClientSettings extends DomainServices {
  readonly domain: string;
  readonly emailAddress: string;
  readonly login: string;
  readonly loginIsEmailAddress: boolean;
  readonly realName: string;
  readonly extraAddresses: readonly string[];
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

type DomainSettings = DomainServices & Pick<ClientSettings, 'webmailUrl' | 'supportContact'>;

function settingsOfDomain(
  server: VirtualServer,
  policy: MailPolicy,
  observations: Observations,
): DomainSettings {
  const { webmailUrl, supportContact } = policy.branding;
  return {
    ...decideServices(server.name, policy, observations),
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
    login: mailbox.login,
    loginIsEmailAddress: loginIsEmailAddress(mailbox),
    realName: mailbox.realName,
    extraAddresses: mailbox.extraAddresses,
    disabled: mailbox.disabled,
    ...common,
    warnings: warningsFor(mailbox, server),
  };
}

/**
 * Decides the services of a domain. Nothing else chooses a host, a port or how it is secured.
 *
 * For incoming mail, the first protocol that the policy offers is recommended with the preferred
 * security, and the other security is the fallback. Beside IMAP, POP3 is only an alternative. A port
 * that the checks found broken comes after ports that work or were not checked. Where all are broken,
 * the order is the policy's.
 */
export function decideServices(
  domain: string,
  policy: MailPolicy,
  observations: Observations = [],
): DomainServices {
  const incomingHost = forDomain(policy.incomingHost, domain);
  const outgoingHost = forDomain(policy.outgoingHost, domain);
  const order = bySecurity(policy.preferredSecurity);
  const imap = services('imap', incomingHost, policy.imap, order, observations);
  const pop3 = policy.offerPop3
    ? services('pop3', incomingHost, policy.pop3, order, observations)
    : [];
  return {
    incoming:
      imap.length > 0
        ? [...imap, ...pop3.map((s) => ({ ...s, role: 'alternative' as const }))]
        : pop3,
    outgoing: services('submission', outgoingHost, policy.submission, order, observations),
    observations,
  };
}

function isBrokenEndpoint(observations: Observations, endpoint: Endpoint): boolean {
  const checked = observationOf(observations, endpoint);
  return checked !== null && isBroken(checked.observation.result);
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
  { incoming, outgoing, observations }: DomainServices,
  { preferredSecurity }: Pick<MailPolicy, 'preferredSecurity'>,
): Avoided[] {
  return [incoming, outgoing].flatMap((services) => {
    const { recommended: instead, fallback } = byRole(services);
    if (fallback?.security !== preferredSecurity) return [];
    const checked = observationOf(observations, fallback);
    if (checked === null) return [];
    return [{ service: fallback, instead, result: checked.observation.result, asOf: checked.asOf }];
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
  { incoming, outgoing }: DomainServices,
  protocol: 'imap' | 'pop3',
): { readonly incoming: Service; readonly outgoing: Service } | null {
  const receiving = incoming.find((one) => one.protocol === protocol && isImplicit(one));
  const sending = outgoing.find(isImplicit);
  if (receiving === undefined || sending === undefined) return null;
  return { incoming: receiving, outgoing: sending };
}

function isImplicit({ security }: Service): boolean {
  return security === 'implicit-tls';
}

function bySecurity(preferred: Security): readonly [Security, Security] {
  return preferred === 'starttls' ? ['starttls', 'implicit-tls'] : ['implicit-tls', 'starttls'];
}

function services(
  protocol: Protocol,
  host: string,
  ports: Ports,
  order: readonly Security[],
  observations: Observations,
): Service[] {
  const offered = order.flatMap((security) => {
    const port = ports[security];
    return port === null ? [] : [{ security, port }];
  });
  const broken = (one: { security: Security; port: number }) =>
    isBrokenEndpoint(observations, { protocol, host, ...one });
  const usable = offered.filter((one) => !broken(one));
  return [...usable, ...offered.filter(broken)].map(({ security, port }, index) => ({
    protocol,
    host,
    port,
    security,
    authentication: 'normal-password',
    role: index === 0 ? 'recommended' : 'fallback',
  }));
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
  return applies.filter(([, does]) => does).map(([warning]) => warning);
}
