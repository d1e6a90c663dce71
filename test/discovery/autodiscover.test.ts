import { describe, expect, test } from '@jest/globals';
import {
  autodiscoverRequest,
  readAutodiscover,
  readAutodiscoverInThunderbird,
} from '../../src/discovery/autodiscover';
import { decideClientSettings } from '../../src/domain/client-settings';
import { faultsOf, settingsFaultsOf } from '../../src/domain/discovery';
import { autodiscover } from '../../src/formats/autodiscover';
import { defaultPolicy } from '../../src/settings/settings';
import { bob, exampleCom } from '../helpers/domain';

const settings = decideClientSettings(bob, exampleCom, defaultPolicy);

/** The form of Virtualmin's answer (get_outlook_autoconfig_xml() in feature-mail.pl), with right values. */
const right = `<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
  <Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">
    <User><DisplayName>Bob</DisplayName></User>
    <Account>
      <AccountType>email</AccountType>
      <Action>settings</Action>
      <Protocol>
        <Type>IMAP</Type>
        <Server>mail.example.com</Server>
        <Port>143</Port>
        <DomainRequired>off</DomainRequired>
        <SPA>off</SPA>
        <SSL>on</SSL>
        <Encryption>TLS</Encryption>
        <AuthRequired>on</AuthRequired>
        <LoginName>bob.example</LoginName>
      </Protocol>
      <Protocol>
        <Type>SMTP</Type>
        <Server>mail.example.com</Server>
        <Port>587</Port>
        <DomainRequired>off</DomainRequired>
        <SPA>off</SPA>
        <SSL>on</SSL>
        <Encryption>TLS</Encryption>
        <AuthRequired>on</AuthRequired>
        <LoginName>bob.example</LoginName>
      </Protocol>
    </Account>
  </Response>
</Autodiscover>`;

function changed(...changes: readonly (readonly [string | RegExp, string])[]): string {
  return changes.reduce((text, [from, to]) => {
    const next = text.replace(from, to);
    if (next === text) throw new Error(`nothing to change: ${String(from)}`);
    return next;
  }, right);
}

const protocols = [...right.matchAll(/<Protocol>[^]*?<\/Protocol>/g)].map(([text]) => text);
const [imap = '', smtp = ''] = protocols;
const inImap = (from: string | RegExp, to: string) => changed([imap, imap.replace(from, to)]);
const inSmtp = (from: string | RegExp, to: string) => changed([smtp, smtp.replace(from, to)]);

const answer = (text: string) => ({ text, contentType: 'text/xml' });
const inOutlook = (text: string) => readAutodiscover(answer(text));
const inThunderbird = (text: string, contentType = 'text/xml') =>
  readAutodiscoverInThunderbird({ text, contentType }, 'bob@example.com');

function faultsIn(reading: ReturnType<typeof readAutodiscover>) {
  if (reading.kind !== 'servers') throw new Error(JSON.stringify(reading));
  return [
    ...settingsFaultsOf(reading.settings, settings),
    ...reading.settings.servers.flatMap((server) => faultsOf(server, settings)),
  ];
}

const skipped = (what: string, value: string) => ({ kind: 'skipped', what, value });
const unspecified = (what: string, value: string) => ({ kind: 'unspecified', what, value });
const exchange =
  '<Protocol><Type>EXCH</Type><Server>owa.example.com</Server><EwsUrl>https://owa.example.com/ews/</EwsUrl></Protocol>';

describe('an answer of autodiscover, as Outlook understands it ([MS-OXDSCLI])', () => {
  test.each([
    ['that of Virtualmin', right],
    ['our own', autodiscover(settings)],
    [
      'switches in capital letters',
      changed([/>off</g, '>Off<'], [/>on</g, '>On<'], [/>TLS</g, '>tls<']),
    ],
    ['Encryption counts before SSL', inImap('<SSL>on', '<SSL>off')],
    ['no AuthRequired, which means on', inSmtp('<AuthRequired>on</AuthRequired>', '')],
    [
      'the login of the incoming server',
      inSmtp('<LoginName>bob.example</LoginName>', '<UsePOPAuth>on</UsePOPAuth>'),
    ],
    ['white space around values', inImap('>143<', '>\n143\n<')],
    ['a prefix', right.replaceAll(/<(\/?)Auto/g, '<$1x:Auto').replace('xmlns=', 'xmlns:x=')],
    [
      'the address of Outlook on the web',
      changed(['<Protocol>', '<Protocol><Type>WEB</Type></Protocol><Protocol>']),
    ],
  ])('without a fault: %s', (_what, text) => {
    expect(faultsIn(inOutlook(text))).toEqual([]);
  });

  const unclear = [{ kind: 'encryption-unclear' }];
  const login = (advertised: string) => ({ kind: 'login', advertised });

  test.each([
    ['no encryption', inImap('TLS', 'None'), [{ kind: 'not-encrypted' }]],
    ['the encryption Auto', inImap('TLS', 'Auto'), unclear],
    ['auto, as Virtualmin writes it', changed([/>TLS</g, '>auto<']), [...unclear, ...unclear]],
    ['an unknown encryption', inImap('TLS', 'STARTTLS'), unclear],
    ['an empty encryption', inImap('TLS', ''), unclear],
    [
      'SSL neither on nor off',
      inImap(/<SSL>on.*\s*<Enc.*/, '<SSL></SSL>').replace('143', '993'),
      unclear,
    ],
    ['SSL with an unknown value', inImap(/<SSL>on.*\s*<Enc.*/, '<SSL>yes</SSL>'), unclear],
    ['SSL off', inImap(/<SSL>on.*\s*<Enc.*/, '<SSL>off</SSL>'), [{ kind: 'not-encrypted' }]],
    ['SSL on at a port of STARTTLS', inImap(/<Enc.*/, ''), [{ kind: 'not-prescribed' }]],
    ['no SSL, which means on', inImap(/<SSL>on.*\s*<Enc.*/, ''), [{ kind: 'not-prescribed' }]],
    ['SPA on', inImap('<SPA>off', '<SPA>on'), [{ kind: 'challenge-response' }]],
    ['no SPA, which means on', inImap('<SPA>off</SPA>', ''), [{ kind: 'challenge-response' }]],
    ['an empty SPA', inImap('<SPA>off', '<SPA>'), [{ kind: 'challenge-response' }]],
    [
      'sending without login',
      inSmtp('<AuthRequired>on', '<AuthRequired>off'),
      [{ kind: 'no-authentication' }],
    ],
    [
      'a Windows domain',
      inImap('<DomainRequired>off', '<DomainRequired>on'),
      [{ kind: 'windows-domain' }],
    ],
    [
      'no login, which means the address',
      inImap('<LoginName>bob.example</LoginName>', ''),
      [login('bob@example.com')],
    ],
    ['an empty login', inImap('>bob.example<', '><'), [login('bob@example.com')]],
    [
      'a placeholder, which Outlook does not know',
      inImap('bob.example', '%EMAILADDRESS%'),
      [login('%EMAILADDRESS%')],
    ],
    ['port 25', inSmtp('587', '25'), [{ kind: 'not-prescribed' }]],
    ['another host', inImap('mail.example.com', 'imap.example.com'), [{ kind: 'not-prescribed' }]],
    ['no server for sending', changed([smtp, '']), [{ kind: 'no-outgoing' }]],
    ['no server for receiving', changed([imap, '']), [{ kind: 'no-incoming' }]],
    ['POP3 only', inImap('IMAP', 'POP3').replace('>143<', '>110<'), [{ kind: 'pop3-first' }]],
    [
      'POP3 beside IMAP: it sets up both',
      changed([imap, imap + imap.replace('IMAP', 'POP3').replace('143', '110')]),
      [{ kind: 'imap-and-pop3' }],
    ],
    [
      'Exchange beside IMAP',
      changed([smtp, smtp + exchange]),
      [{ kind: 'other-account', types: ['EXCH'] }],
    ],
    [
      'only Exchange',
      changed([imap, exchange], [smtp, '']),
      [
        { kind: 'no-incoming' },
        { kind: 'no-outgoing' },
        { kind: 'other-account', types: ['EXCH'] },
      ],
    ],
    [
      'no server at all',
      changed([imap, ''], [smtp, '']),
      [{ kind: 'no-incoming' }, { kind: 'no-outgoing' }],
    ],
    [
      'an unknown type',
      changed([smtp, `${smtp}<Protocol><Type>CalDAV</Type></Protocol>`]),
      [skipped('Type', 'CalDAV')],
    ],
    [
      'a type in small letters',
      changed([smtp, smtp + imap.replace('IMAP', 'imap')]),
      [skipped('Type', 'imap')],
    ],
    [
      'a type of the language',
      changed([smtp, `${smtp}<Protocol><Type>constructor</Type></Protocol>`]),
      [skipped('Type', 'constructor')],
    ],
    [
      'no port',
      changed([smtp, smtp + imap.replace('<Port>143</Port>', '')]),
      [skipped('Port', '')],
    ],
    [
      'no host',
      changed([smtp, smtp + imap.replace('mail.example.com', '')]),
      [skipped('Server', '')],
    ],
    [
      'another namespace',
      changed([
        '"http://schemas.microsoft.com/exchange/autodiscover/resp',
        '"https://schemas.microsoft.com/exchange/autodiscover/resp',
      ]),
      [
        unspecified(
          'xmlns',
          'https://schemas.microsoft.com/exchange/autodiscover/responseschema/2006',
        ),
      ],
    ],
    [
      'no namespace',
      changed([/ xmlns="[^"]*outlook[^"]*"/, ' xmlns=""']),
      [unspecified('xmlns', '')],
    ],
    [
      'another type of account',
      changed(['>email<', '>exchange<']),
      [unspecified('AccountType', 'exchange')],
    ],
    ['no action', changed(['<Action>settings</Action>', '']), [unspecified('Action', '')]],
  ])('with a fault: %s', (_what, text, faults) => {
    expect(faultsIn(inOutlook(text))).toEqual(faults);
  });

  test.each([
    [
      'another URL',
      '<Action>redirectUrl</Action><RedirectUrl>https://x.example/</RedirectUrl>',
      { kind: 'to-url', to: 'https://x.example/' },
    ],
    [
      'another address',
      '<Action>redirectAddr</Action><RedirectAddr>b@x.example</RedirectAddr>',
      { kind: 'to-address', to: 'b@x.example' },
    ],
  ])('leads to %s', (_what, element, reading) => {
    expect(inOutlook(changed(['<Action>settings</Action>', element]))).toEqual(reading);
  });

  test('an error is said', () => {
    const error =
      '<Error><ErrorCode>600</ErrorCode><Message>Invalid Request</Message><DebugData/></Error>';
    expect(inOutlook(changed([/<User>[^]*<\/Account>/, error]))).toEqual({
      kind: 'error',
      message: '600: Invalid Request',
    });
  });

  test.each([
    '',
    'nothing',
    '<html/>',
    '<Autodiscover/>',
    '<a',
    changed([/<Account>[^]*<\/Account>/, '']),
    `\n<?xml version="1.0"?>${right}`,
  ])('not such a document: %s', (text) => {
    expect(inOutlook(text)).toEqual({ kind: 'not-understood' });
  });

  test('the request has the address, escaped', () => {
    expect(autodiscoverRequest('a&b@example.com')).toContain('<EMailAddress>a&#38;b@example.com<');
  });
});

describe('the same answer, as Thunderbird 153 understands it (ExchangeAutoDiscover.sys.mjs)', () => {
  test.each([
    ['that of Virtualmin', right],
    ['our own', autodiscover(settings)],
    ['Auto: it takes the security of the port', changed([/>TLS</g, '>auto<'])],
    ['placeholders, which it fills in', changed([/>bob\.example</g, '>%EMAILLOCALPART%.example<'])],
    ['no SPA, which means off', inImap('<SPA>off</SPA>', '')],
    ['sending without login, which it ignores', inSmtp('<AuthRequired>on', '<AuthRequired>off')],
    ['another namespace, which it ignores', changed(['"http://schemas', '"https://schemas'])],
  ])('without a fault: %s', (_what, text) => {
    expect(faultsIn(inThunderbird(text))).toEqual([]);
  });

  test.each([
    [
      'SSL off, whatever Encryption says',
      inImap('<SSL>on', '<SSL>off'),
      [{ kind: 'not-encrypted' }],
    ],
    ['no encryption', inImap('TLS', 'None'), [{ kind: 'not-encrypted' }]],
    ['STARTTLS at another port', inImap('143', '144'), [{ kind: 'not-prescribed' }]],
    ['SPA on', inImap('<SPA>off', '<SPA>on'), [{ kind: 'challenge-response' }]],
    [
      'SSL neither on nor off',
      changed([smtp, smtp + imap.replace('<SSL>on', '<SSL>')]),
      [skipped('SSL', '')],
    ],
    ['no server for sending', changed([smtp, '']), [{ kind: 'no-outgoing' }]],
    [
      'SSL off, and Encryption empty, which it then does not read',
      inImap(/<SSL>on.*\s*<Enc.*/, '<SSL>off</SSL><Encryption/>'),
      [{ kind: 'not-encrypted' }],
    ],
    [
      'a false login',
      changed([smtp, smtp + imap.replace('bob.example', '0')]),
      [skipped('LoginName', '0')],
    ],
    [
      'Exchange without its URL',
      changed([smtp, `${smtp}<Protocol><Type>EXCH</Type></Protocol>`]),
      [skipped('EwsUrl', '')],
    ],
    [
      'Outlook on the web',
      changed([
        smtp,
        `${smtp}<Protocol><Type>WEB</Type><External><OWAUrl AuthenticationMethod="Basic">https://owa.example.com/</OWAUrl></External></Protocol>`,
      ]),
      [{ kind: 'other-account', types: ['WEB'] }],
    ],
    ['Exchange', changed([smtp, smtp + exchange]), [{ kind: 'other-account', types: ['EXCH'] }]],
    [
      'a type in small letters',
      changed([smtp, smtp + imap.replace('IMAP', 'imap')]),
      [skipped('Type', 'imap')],
    ],
    [
      'no login, which means the address',
      inImap('<LoginName>bob.example</LoginName>', ''),
      [{ kind: 'login', advertised: 'bob@example.com' }],
    ],
    ['an empty login', inImap('>bob.example<', '><'), [{ kind: 'login', advertised: 'true' }]],
  ])('with a fault: %s', (_what, text, faults) => {
    expect(faultsIn(inThunderbird(text))).toEqual(faults);
  });

  test('what it refuses', () => {
    const refused = (why: object) => ({ kind: 'refused', why });
    expect(inThunderbird(right, 'text/html')).toMatchObject(
      refused({ kind: 'content-type', contentType: 'text/html' }),
    );
    expect(inThunderbird('<html/>')).toMatchObject(refused({ kind: 'other-document' }));
    expect(inThunderbird(changed([imap, '']))).toMatchObject(refused({ kind: 'no-incoming' }));
    expect(inThunderbird('<a')).toEqual({ kind: 'not-understood' });
  });

  test('it goes to another address whatever the action, and to no other URL', () => {
    const to = (element: string) => inThunderbird(changed(['<Protocol>', `${element}<Protocol>`]));
    expect(to('<RedirectAddr>b@x.example</RedirectAddr>')).toEqual({
      kind: 'to-address',
      to: 'b@x.example',
    });
    expect(to('<RedirectUrl>https://x.example/</RedirectUrl>').kind).toBe('servers');
  });
});

test.each([
  ['the usual ports', {}],
  ['ports of its own', { imap: { starttls: 2143, 'implicit-tls': 2993 } }],
  ['POP3 alone', { imap: { starttls: null, 'implicit-tls': null } }],
  ['SSL/TLS preferred', { preferredSecurity: 'implicit-tls' as const }],
])('our own answer with %s is the same to Outlook and to Thunderbird', (_what, changes) => {
  const policy = { ...defaultPolicy, offerPop3: true, ...changes };
  const own = decideClientSettings(bob, exampleCom, policy);
  const text = autodiscover(own);
  const [outlook, thunderbird] = [inOutlook(text), inThunderbird(text)].map((reading) => {
    if (reading.kind !== 'servers') throw new Error(JSON.stringify(reading));
    const { servers } = reading.settings;
    expect(servers.flatMap((server) => faultsOf(server, own))).toEqual([]);
    return servers.map(({ protocol, host, port, security, login }) => ({
      protocol,
      host,
      port,
      security,
      login,
    }));
  });
  expect(outlook).toEqual(thunderbird);
});
