import type { ClientSettings } from '../domain/client-settings';
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

/** The body of `mailboxes.json`, described in docs/json.md. `asOf` is in milliseconds since 1970. */
export function mailboxesJson(users: DomainUsers, asOf: number) {
  return {
    domain: users.domain,
    asOf: new Date(asOf).toISOString(),
    mailboxes: users.mailboxes.map((mailbox) => ({
      emailAddress: mailbox.emailAddress,
      login: mailbox.login,
      name: mailbox.name,
      realName: mailbox.realName,
      extraAddresses: mailbox.extraAddresses,
      disabled: mailbox.disabled,
      owner: mailbox.owner,
    })),
    withoutMail: users.withoutMail.map(({ login, reason }) => ({ login, reason })),
  };
}

/** The body of `settings.json`, described in docs/json.md. */
export function settingsJson(settings: ClientSettings) {
  return {
    domain: settings.domain,
    emailAddress: settings.emailAddress,
    login: settings.login,
    loginIsEmailAddress: settings.loginIsEmailAddress,
    realName: settings.realName,
    extraAddresses: settings.extraAddresses,
    disabled: settings.disabled,
    incoming: settings.incoming,
    outgoing: settings.outgoing,
    webmailUrl: settings.webmailUrl,
    warnings: settings.warnings,
  };
}
