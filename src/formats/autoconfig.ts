import { Builder } from 'xml2js';
import { readableDomainName } from '../domain/domain-name';
import type { ClientSettings, Protocol, Service } from '../domain/client-settings';
import type { Security } from '../domain/policy';

const types: Readonly<Record<Protocol, string>> = {
  imap: 'imap',
  pop3: 'pop3',
  submission: 'smtp',
};

/** Without `plain`: Thunderbird for Android refuses a document in which any server has it. */
const socketTypes: Readonly<Record<Security, string>> = {
  starttls: 'STARTTLS',
  'implicit-tls': 'SSL',
};

/** The format's limits in characters for `displayName` and `displayShortName`. */
const maxName = 30;
const maxShortName = 12;

/** What the document is made of. */
type Told = Pick<ClientSettings, 'domain' | 'emailAddress' | 'login' | 'incoming' | 'outgoing'>;

/**
 * Mozilla autoconfig 1.1 for one mailbox (draft-ietf-mailmaint-autoconfig), `text/xml`. The servers
 * are in the order in which a client should try them, and each contains the login: the format's
 * placeholders are for documents of a whole domain and cannot express every login.
 */
export function autoconfig(settings: Told): string {
  const name = readableDomainName(settings.domain);
  const username = usernameOf(settings);
  return new Builder({ xmldec: { version: '1.0', encoding: 'UTF-8' } }).buildObject({
    clientConfig: {
      $: { version: '1.1' },
      emailProvider: {
        $: { id: settings.domain },
        domain: settings.domain,
        displayName: cut(name, maxName),
        displayShortName: cut(name.split('.')[0] ?? name, maxShortName),
        incomingServer: settings.incoming.map((service) => server(service, username)),
        outgoingServer: settings.outgoing.map((service) => server(service, username)),
      },
    },
  });
}

/**
 * The login, or the placeholder for the part of the address before the @ where that is the login and Thunderbird would
 * change it: it reads `0042` as the number 42 and `TRUE` as `true` (JXON.sys.mjs).
 */
function usernameOf({ emailAddress, login }: Told): string {
  const localPart = emailAddress.slice(0, emailAddress.lastIndexOf('@'));
  return login === localPart && isChangedByThunderbird(login) ? '%EMAILLOCALPART%' : login;
}

function isChangedByThunderbird(text: string): boolean {
  if (/^(?:true|false)$/i.test(text)) return text !== text.toLowerCase();
  return Number.isFinite(Number(text)) && String(parseFloat(text)) !== text;
}

function server({ protocol, host, port, security }: Service, username: string) {
  return {
    $: { type: types[protocol] },
    hostname: host,
    port,
    socketType: socketTypes[security],
    // A normal password, which TLS protects. `password-encrypted` would mean CRAM-MD5.
    authentication: 'password-cleartext',
    username,
  };
}

function cut(text: string, length: number): string {
  return Array.from(text).slice(0, length).join('');
}
