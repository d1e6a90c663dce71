import {
  allServices,
  provenAsOf,
  type ClientSettings,
  type DomainServices,
} from '../domain/client-settings';
import {
  faultsOf,
  outcomeOf,
  settingsFaultsOf,
  unneededIn,
  type DomainRecords,
  type Search,
} from '../domain/discovery';
import { otherReadableAddress } from '../domain/email-address';
import { observationOf } from '../domain/observation';
import type { DomainUsers } from '../domain/mailbox';
import type { VirtualServer } from '../domain/virtual-server';

/** The body of `domains.json`, described in docs/json.md. `asOf` is in milliseconds since 1970. */
export function domainsJson(servers: readonly VirtualServer[], asOf: number) {
  return {
    asOf: new Date(asOf).toISOString(),
    domains: servers.map(({ name, mail, disabled }) => ({
      domain: name,
      mail,
      disabled: disabled !== null,
    })),
  };
}

/** The body of `check.json`, described in docs/json.md. Times are ISO 8601. */
export function checkJson(domain: string, decided: DomainServices) {
  const { observations } = decided;
  const services = allServices(decided).map((service) => {
    const observed = observationOf(observations, service);
    const { result, weaknesses, certificate, tlsVersion } = observed?.observation ?? {
      result: { kind: 'not-checked' as const },
      weaknesses: [],
      certificate: null,
      tlsVersion: null,
    };
    const { protocol, host, port, security, role } = service;
    return {
      ...{ protocol, host, port, security, role, result: result.kind, weaknesses, tlsVersion },
      how: result.kind === 'differs' ? result.how : null,
      certificate:
        certificate === null
          ? null
          : { ...certificate, until: new Date(certificate.until).toISOString() },
      asOf: observed === null ? null : new Date(observed.asOf).toISOString(),
    };
  });
  const loginOnPort25 = observations.some((host) => host.loginOnPort25 === true);
  return { domain, services, loginOnPort25 };
}

/** The servers that clients find for a mailbox: a part of `discovery.json`, described in docs/json.md. */
export function searchesJson(settings: ClientSettings, searches: readonly Search[]) {
  return {
    emailAddress: settings.emailAddress,
    login: settings.login,
    searches: searches.map((search) => {
      const outcome = outcomeOf(search);
      const found = outcome.kind === 'settings' ? outcome.settings : null;
      return {
        client: search.client,
        places: placesJson(search),
        outcome: outcome.kind,
        told:
          found?.servers.map((server) => ({
            ...server,
            faults: faultsOf(server, settings).map(({ kind }) => kind),
          })) ?? null,
        faults: found === null ? [] : settingsFaultsOf(found, settings),
        unneeded: found === null ? [] : unneededIn(found, settings),
      };
    }),
  };
}

/** The servers that clients still find in a domain without mail: `withoutMail` in its `discovery.json`. */
export function searchesWithoutMailJson(emailAddress: string, searches: readonly Search[]) {
  return {
    emailAddress,
    searches: searches.map((search) => {
      const outcome = outcomeOf(search);
      return {
        client: search.client,
        places: placesJson(search),
        outcome: outcome.kind,
        told: outcome.kind === 'settings' ? outcome.settings.servers : null,
      };
    }),
  };
}

function placesJson({ lookups }: Search) {
  return lookups.map(({ asked, found }) => ({ url: asked[0].url, asked, found: found.kind }));
}

/** The DNS records of a domain: the other part of `discovery.json`. */
export function recordsJson({ srv, mx }: DomainRecords) {
  return { srv: srv.map(({ name, server }) => ({ record: name, ...server })), mx };
}

/** The body of `mailboxes.json`, described in docs/json.md. `asOf` is in milliseconds since 1970. */
export function mailboxesJson(users: DomainUsers, asOf: number) {
  return {
    domain: users.domain,
    asOf: new Date(asOf).toISOString(),
    mailboxes: users.mailboxes.map((mailbox) => ({
      emailAddress: mailbox.emailAddress,
      readableAddress: otherReadableAddress(mailbox.emailAddress),
      login: mailbox.login,
      name: mailbox.name,
      realName: mailbox.realName,
      extraAddresses: mailbox.extraAddresses,
      delivery: mailbox.delivery,
      disabled: mailbox.disabled,
      owner: mailbox.owner,
      lastLogins: mailbox.lastLogins,
    })),
    withoutMail: users.withoutMail.map(({ login, reason }) => ({ login, reason })),
  };
}

/** The body of `settings.json`, described in docs/json.md. */
export function settingsJson(settings: ClientSettings) {
  return {
    domain: settings.domain,
    emailAddress: settings.emailAddress,
    readableAddress: settings.readableAddress,
    login: settings.login,
    loginIsEmailAddress: settings.loginIsEmailAddress,
    realName: settings.realName,
    extraAddresses: settings.extraAddresses,
    delivery: settings.delivery,
    disabled: settings.disabled,
    incoming: settings.incoming,
    outgoing: settings.outgoing,
    webmailUrl: settings.webmailUrl,
    checkedAt: isoOrNull(provenAsOf(settings)),
    warnings: settings.warnings,
  };
}

function isoOrNull(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
