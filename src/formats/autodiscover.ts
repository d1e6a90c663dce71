import { Builder } from 'xml2js';
import {
  byRole,
  type ClientSettings,
  type Protocol,
  type Service,
} from '../domain/client-settings';
import type { Security } from '../domain/policy';

const root = 'http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006';
const response = 'http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a';

const types: Readonly<Record<Protocol, string>> = {
  imap: 'IMAP',
  pop3: 'POP3',
  submission: 'SMTP',
};

/** `TLS` is Outlook's word for STARTTLS. It goes before `SSL`, which only knows on and off. */
const encryptions: Readonly<Record<Security, string>> = { starttls: 'TLS', 'implicit-tls': 'SSL' };

/**
 * Outlook Autodiscover (POX, [MS-OXDSCLI]) for one mailbox, `text/xml`. One protocol for each
 * direction, the recommended one: Outlook takes them as parts of the account, not as choices, and a
 * POP3 beside the IMAP would be both on one mailbox.
 */
export function autodiscover(settings: ClientSettings): string {
  const { login } = settings;
  const incoming = protocol(byRole(settings.incoming).recommended, login);
  const outgoing = protocol(byRole(settings.outgoing).recommended, login);
  return new Builder({ xmldec: { version: '1.0', encoding: 'utf-8' } }).buildObject({
    Autodiscover: {
      $: { xmlns: root },
      Response: {
        $: { xmlns: response },
        User: { DisplayName: settings.realName || settings.emailAddress },
        Account: {
          AccountType: 'email',
          Action: 'settings',
          Protocol: [incoming, { ...outgoing, UsePOPAuth: 'on', SMTPLast: 'off' }],
        },
      },
    },
  });
}

function protocol({ protocol, host, port, security }: Service, login: string) {
  return {
    Type: types[protocol],
    Server: host,
    Port: port,
    LoginName: login,
    DomainRequired: 'off',
    // Absent it means on, and Secure Password Authentication cannot work here.
    SPA: 'off',
    SSL: 'on',
    Encryption: encryptions[security],
    AuthRequired: 'on',
  };
}
