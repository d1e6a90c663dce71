import { domainToUnicode } from 'node:url';
import { Builder } from 'xml2js';
import type { ClientSettings, Protocol, Service } from '../domain/client-settings';
import type { Security } from '../domain/policy';

const types: Readonly<Record<Protocol, string>> = {
  imap: 'imap',
  pop3: 'pop3',
  submission: 'smtp',
};

/** `TLS` and `plain` are not among them: a single `plain` makes Thunderbird for Android refuse it all. */
const socketTypes: Readonly<Record<Security, string>> = {
  starttls: 'STARTTLS',
  'implicit-tls': 'SSL',
};

/** Characters: what the format asks of `displayName` and `displayShortName`. */
const longestName = 30;
const longestShortName = 12;

/**
 * Mozilla autoconfig 1.1 for one mailbox (draft-ietf-mailmaint-autoconfig), `text/xml`. The servers
 * stand in the order in which a client should try them, and each says the login itself: the format's
 * placeholders are for documents meant for a whole domain, and cannot say it.
 */
export function autoconfig(settings: ClientSettings): string {
  const name = domainToUnicode(settings.domain);
  return new Builder({ xmldec: { version: '1.0', encoding: 'UTF-8' } }).buildObject({
    clientConfig: {
      $: { version: '1.1' },
      emailProvider: {
        $: { id: settings.domain },
        domain: settings.domain,
        displayName: cut(name, longestName),
        displayShortName: cut(name.split('.')[0] ?? name, longestShortName),
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
    // A normal password, right inside TLS. `password-encrypted` would mean CRAM-MD5.
    authentication: 'password-cleartext',
    username: login,
  };
}

function cut(text: string, length: number): string {
  return Array.from(text).slice(0, length).join('');
}
