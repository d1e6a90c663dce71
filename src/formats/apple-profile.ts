import { build } from 'plist';
import { v5 as uuidv5 } from 'uuid';
import { withImplicitTls, type ClientSettings } from '../domain/client-settings';

/** Of UUIDs made from a mailbox; itself made up once, for good. */
const namespace = '6f1c2a54-6f0b-4c1e-9a37-0f6f4c9c2d11';

/**
 * Apple's configuration profile for one mailbox (`com.apple.mail.managed`),
 * `application/x-apple-aspen-config`; null where the policy has no way that a profile can say. Only
 * implicit TLS is that: what `UseSSL` means on a STARTTLS port is read differently by different
 * devices.
 *
 * A device replaces a profile by its identifier. It is the mailbox's own and stays the same, for POP3
 * as for IMAP, since the two never belong on one device together. Passwords are left out, so that
 * the device asks.
 */
export function appleProfile(settings: ClientSettings, protocol: 'imap' | 'pop3'): string | null {
  const { domain, emailAddress, login, realName } = settings;
  const services = withImplicitTls(settings, protocol);
  if (services === null) return null;
  const { incoming, outgoing } = services;
  const mailbox = `${domain}/${login}`;
  const uuid = uuidv5(mailbox, namespace);
  const identifier = `${domain.split('.').reverse().join('.')}.mail-setup.${uuid}`;
  const mail = {
    PayloadType: 'com.apple.mail.managed',
    PayloadVersion: 1,
    PayloadIdentifier: `${identifier}.account`,
    PayloadUUID: uuidv5(`${mailbox}/account`, namespace).toUpperCase(),
    PayloadDisplayName: `Mail account ${emailAddress}`,
    EmailAccountType: protocol === 'imap' ? 'EmailTypeIMAP' : 'EmailTypePOP',
    EmailAccountDescription: emailAddress,
    // An empty string is a value: the sender would be called nothing.
    ...(realName === '' ? {} : { EmailAccountName: realName }),
    EmailAddress: emailAddress,
    IncomingMailServerAuthentication: 'EmailAuthPassword',
    IncomingMailServerHostName: incoming.host,
    IncomingMailServerPortNumber: incoming.port,
    IncomingMailServerUseSSL: true,
    IncomingMailServerUsername: login,
    OutgoingMailServerAuthentication: 'EmailAuthPassword',
    OutgoingMailServerHostName: outgoing.host,
    // Left out, devices try port 25 first.
    OutgoingMailServerPortNumber: outgoing.port,
    OutgoingMailServerUseSSL: true,
    OutgoingMailServerUsername: login,
    OutgoingPasswordSameAsIncomingPassword: true,
  };
  return build({
    PayloadType: 'Configuration',
    PayloadVersion: 1,
    PayloadIdentifier: identifier,
    PayloadUUID: uuid.toUpperCase(),
    PayloadDisplayName: `Mail for ${emailAddress}`,
    PayloadDescription: `Sets up the mailbox ${emailAddress}. The device asks for its password.`,
    PayloadOrganization: domain,
    PayloadRemovalDisallowed: false,
    PayloadContent: [mail],
  });
}
