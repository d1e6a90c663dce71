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

/**
 * Mozilla autoconfig 1.1 for one mailbox (draft-ietf-mailmaint-autoconfig), `text/xml`. The servers
 * are in the order in which a client should try them, and each contains the login: the format's
 * placeholders are for documents of a whole domain and cannot express a login.
 */
export function autoconfig(settings: ClientSettings): string {
  const name = readableDomainName(settings.domain);
  return new Builder({ xmldec: { version: '1.0', encoding: 'UTF-8' } }).buildObject({
    clientConfig: {
      $: { version: '1.1' },
      emailProvider: {
        $: { id: settings.domain },
        domain: settings.domain,
        displayName: cut(name, maxName),
        displayShortName: cut(name.split('.')[0] ?? name, maxShortName),
        incomingServer: settings.incoming.map((service) => server(service, settings.login)),
        outgoingServer: settings.outgoing.map((service) => server(service, settings.login)),
      },
    },
  });
}

function server({ protocol, host, port, security }: Service, login: string) {
  return {
    $: { type: types[protocol] },
    hostname: host,
    port,
    socketType: socketTypes[security],
    // A normal password, which TLS protects. `password-encrypted` would mean CRAM-MD5.
    authentication: 'password-cleartext',
    username: login,
  };
}

function cut(text: string, length: number): string {
  return Array.from(text).slice(0, length).join('');
}
