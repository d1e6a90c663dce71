import { build } from 'plist';
import { v5 as uuidv5 } from 'uuid';
import { withImplicitTls, type ClientSettings } from '../domain/client-settings';

/** The namespace for UUIDs of mailboxes. It was generated once and must not change. */
const namespace = '6f1c2a54-6f0b-4c1e-9a37-0f6f4c9c2d11';

/** What a profile is made of. */
type Profiled = Pick<
  ClientSettings,
  'domain' | 'emailAddress' | 'login' | 'realName' | 'incoming' | 'outgoing' | 'warnings'
>;

/**
 * Apple's configuration profile for one mailbox (`com.apple.mail.managed`),
 * `application/x-apple-aspen-config`; null where the policy has no service that a profile can describe.
 * Only implicit TLS can be described: on a STARTTLS port, devices interpret `UseSSL` differently.
 *
 * A new profile replaces one with the same identifier. The identifier is the mailbox's, the same for POP3
 * and IMAP, since a device must not use both. Passwords are left out, so that the device asks for them.
 */
export function appleProfile(settings: Profiled, protocol: 'imap' | 'pop3'): string | null {
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
    // An empty string would become the sender's name.
    ...(realName === '' ? {} : { EmailAccountName: realName }),
    EmailAddress: emailAddress,
    IncomingMailServerAuthentication: 'EmailAuthPassword',
    IncomingMailServerHostName: incoming.host,
    IncomingMailServerPortNumber: incoming.port,
    IncomingMailServerUseSSL: true,
    IncomingMailServerUsername: login,
    OutgoingMailServerAuthentication: 'EmailAuthPassword',
    OutgoingMailServerHostName: outgoing.host,
    // Without a port, devices try port 25 first.
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
    PayloadDescription: descriptionOf(settings),
    PayloadOrganization: domain,
    PayloadRemovalDisallowed: false,
    PayloadContent: [mail],
  });
}

/** What the device shows before it installs the profile. */
function descriptionOf({ emailAddress, warnings }: Profiled): string {
  const description = `Sets up the mailbox ${emailAddress}. The device asks for its password.`;
  return warnings.includes('certificate-not-accepted')
    ? `${description} When this profile was made, a mail server's certificate was not accepted.`
    : description;
}
