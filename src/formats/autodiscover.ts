import { Builder } from 'xml2js';
import {
  recommendedWithImplicitTls,
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

/** `TLS` is Outlook's word for STARTTLS. `Encryption` takes precedence over the element `SSL`, which is only on or off. */
const encryptions: Readonly<Record<Security, string>> = { starttls: 'TLS', 'implicit-tls': 'SSL' };

/**
 * Outlook Autodiscover (POX, [MS-OXDSCLI]) for one mailbox, `text/xml`. One protocol for each
 * direction, the recommended one: Outlook sets up every protocol in the answer instead of choosing one, so
 * POP3 beside IMAP would put both on one mailbox.
 *
 * It has the port of implicit TLS wherever that is offered. Other programs than Outlook ignore `Encryption`: to
 * some, `SSL` on means implicit TLS on every port; Thunderbird and FairEmail go by the number of the port.
 */
export function autodiscover(
  settings: Pick<ClientSettings, 'emailAddress' | 'realName' | 'login' | 'incoming' | 'outgoing'>,
): string {
  const { login } = settings;
  const incoming = protocol(recommendedWithImplicitTls(settings.incoming), login);
  const outgoing = protocol(recommendedWithImplicitTls(settings.outgoing), login);
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

/**
 * The document with which autodiscover refuses a request ([MS-OXDSCLI], 2.2.4.1.1.1.2): 500 for an unknown address, 600
 * for a request that is not valid, 601 for another schema than Outlook's. It comes with status 200.
 */
export function autodiscoverError(code: 500 | 600 | 601, message: string, time: Date): string {
  return new Builder({ xmldec: { version: '1.0', encoding: 'utf-8' } }).buildObject({
    Autodiscover: {
      $: { xmlns: root },
      Response: {
        Error: {
          $: { Time: time.toISOString().slice(11, 23), Id: '0' },
          ErrorCode: code,
          Message: message,
          DebugData: '',
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
    // If absent, Outlook uses Secure Password Authentication, which cannot work here.
    SPA: 'off',
    SSL: 'on',
    Encryption: encryptions[security],
    AuthRequired: 'on',
  };
}
