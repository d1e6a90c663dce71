import { byRole, type ClientSettings, type Service } from '../domain/client-settings';
import {
  authenticationName,
  neverEnable,
  protocolNames,
  securityNames,
  warningTexts,
} from './words';

/** The settings as plain text that reads well in a chat or a ticket. Lines end in `\n`. */
export function settingsText(settings: ClientSettings): string {
  return (
    [
      [`Mail client settings for ${settings.emailAddress}`],
      settings.warnings.map((warning) => `! ${warningTexts[warning]}`),
      direction('Incoming mail', settings.incoming, settings),
      direction('Outgoing mail', settings.outgoing, settings),
      [`Do not turn on: ${neverEnable}.`],
      alternatives(settings),
      more(settings),
    ]
      .filter((block) => block.length > 0)
      .map((block) => block.join('\n'))
      .join('\n\n') + '\n'
  );
}

function direction(
  title: string,
  services: readonly Service[],
  { login }: ClientSettings,
): string[] {
  const { recommended, fallback } = byRole(services);
  return [
    `${title} (${protocolNames[recommended.protocol]})`,
    `  Server:         ${recommended.host}`,
    `  Port:           ${recommended.port}`,
    `  Security:       ${securityNames[recommended.security]}`,
    `  User name:      ${login}`,
    `  Password:       the mailbox's password`,
    `  Authentication: ${authenticationName}`,
    ...(fallback === null ? [] : [`  If that does not connect: ${portAndSecurity(fallback)}`]),
  ];
}

function portAndSecurity({ port, security }: Service): string {
  return `port ${port} with ${securityNames[security]}`;
}

function alternatives({ incoming }: ClientSettings): string[] {
  const services = byRole(incoming).alternatives;
  const [first] = services;
  if (first === undefined) return [];
  return [
    `Only to download all mail to a single device, instead of IMAP: POP3 at ${first.host}, ` +
      `${services.map(portAndSecurity).join(' or ')}, same user name. Never use POP3 and IMAP on the same mailbox.`,
  ];
}

function more({ extraAddresses, webmailUrl, supportContact }: ClientSettings): string[] {
  return [
    ...(extraAddresses.length > 0
      ? [`Other addresses of this mailbox (same user name): ${extraAddresses.join(', ')}`]
      : []),
    ...(webmailUrl === null ? [] : [`Webmail: ${webmailUrl}`]),
    ...(supportContact === null ? [] : [`Help: ${supportContact}`]),
  ];
}
