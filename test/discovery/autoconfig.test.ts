import { describe, expect, test } from '@jest/globals';
import { readAutoconfig } from '../../src/discovery/autoconfig';
import { decideClientSettings } from '../../src/domain/client-settings';
import { faultsOf, settingsFaultsOf, unneededIn } from '../../src/domain/discovery';
import { autoconfig } from '../../src/formats/autoconfig';
import { defaultPolicy } from '../../src/settings/settings';
import { bob, exampleCom } from '../helpers/domain';

/**
 * Each rule is one of Thunderbird 153: readFromXML.sys.mjs, JXON.sys.mjs, InputSanitizer.sys.mjs and
 * FetchHTTP.sys.mjs in /usr/lib/thunderbird/omni.ja of Debian's thunderbird 1:153.7.0esr-1~deb12u1.
 */
const settings = decideClientSettings(bob, exampleCom, defaultPolicy);

/** The document that Virtualmin makes (get_thunderbird_autoconfig_xml() in feature-mail.pl), filled in rightly. */
const right = `<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="example.com">
    <domain>example.com</domain>
    <displayName>Example Ltd</displayName>
    <displayShortName>Example Ltd</displayShortName>
    <incomingServer type="imap">
      <hostname>mail.example.com</hostname>
      <port>143</port>
      <socketType>STARTTLS</socketType>
      <authentication>password-cleartext</authentication>
      <username>bob.example</username>
    </incomingServer>
    <outgoingServer type="smtp">
      <hostname>mail.example.com</hostname>
      <port>587</port>
      <socketType>STARTTLS</socketType>
      <authentication>password-cleartext</authentication>
      <username>bob.example</username>
    </outgoingServer>
  </emailProvider>
</clientConfig>`;

const read = (text: string, contentType = 'text/xml; charset=utf-8') =>
  readAutoconfig({ text, contentType }, 'bob@example.com');

/** The right document with changes; each must have something to change. */
function changed(...changes: readonly (readonly [string | RegExp, string])[]): string {
  return changes.reduce((text, [from, to]) => {
    const next = text.replace(from, to);
    if (next === text) throw new Error(`nothing to change: ${String(from)}`);
    return next;
  }, right);
}

/** The faults of the document that Thunderbird takes. */
function faultsIn(text: string) {
  const reading = read(text);
  if (reading.kind !== 'servers') throw new Error(JSON.stringify(reading));
  return [
    ...settingsFaultsOf(reading.settings, settings),
    ...reading.settings.servers.flatMap((server) => faultsOf(server, settings)),
  ];
}

const incoming = /<incomingServer[^]*<\/incomingServer>/;
const outgoing = /<outgoingServer[^]*<\/outgoingServer>/;
const inIncoming = (from: string, to: string) =>
  changed([incoming, (incoming.exec(right)?.[0] ?? '').replace(from, to)]);
const inOutgoing = (from: string, to: string) =>
  changed([outgoing, (outgoing.exec(right)?.[0] ?? '').replace(from, to)]);

const exchange =
  '<incomingServer type="exchange"><hostname>owa.example.com</hostname><port>443</port><username>bob</username><socketType>SSL</socketType><authentication>password-cleartext</authentication><owaURL>https://owa.example.com/owa/</owaURL></incomingServer>';

test.each(['0042', '1e3', '0x10', 'TRUE', '42', 'true', 'bob'])(
  'the login %s arrives as it is with our own document',
  (login) => {
    const mailbox = { ...bob, login, emailAddress: `${login}@example.com` };
    const own = decideClientSettings(mailbox, exampleCom, defaultPolicy);
    const answer = { text: autoconfig(own), contentType: 'text/xml' };
    const reading = readAutoconfig(answer, mailbox.emailAddress);
    if (reading.kind !== 'servers') throw new Error(JSON.stringify(reading));
    expect(reading.settings.servers.map((server) => server.login)).toEqual(Array(6).fill(login));
  },
);

describe('an autoconfig document that Thunderbird takes without a fault', () => {
  test.each([
    ['that of Virtualmin', right],
    ['our own', autoconfig(settings)],
    ['an unknown version', changed(['version="1.1"', 'version="9"'])],
    ['with a byte-order mark', `\uFEFF${right}`],
    ['with comments', changed(['<port>143', '<port><!-- STARTTLS -->143'])],
    ['with CDATA', changed(['<port>143</port>', '<port><![CDATA[143]]></port>'])],
    ['with the default namespace', changed(['<clientConfig', '<clientConfig xmlns="urn:x"'])],
    ['for other domains', changed(['<domain>example.com', '<domain>example.net'])],
    ['a host in capital letters', changed([/mail\.example/g, 'MAIL.Example'])],
    ['white space around the host', changed([/mail\.example\.com/g, '\n mail.example.com\n'])],
    ['an old word for a password', changed([/password-cleartext/g, 'plain'])],
    [
      'a better socket type that it does not know',
      changed(['<socketType>', '<socketType>QUIC</socketType><socketType>']),
    ],
    [
      'OAuth2 before the password: not for this host',
      changed(['<authentication>', '<authentication>OAuth2</authentication><authentication>']),
    ],
    [
      'the login from placeholders',
      changed(
        [/>bob\.example</g, '>%EMAILLOCALPART%.example<'],
        [/>mail\.example\.com/g, '>mail.%EMAILDOMAIN%'],
      ),
    ],
    [
      'elements that it ignores',
      changed(['<port>', '<restriction>clientIPAddress</restriction><port>']),
    ],
    ['a second provider', changed(['</emailProvider>', '</emailProvider><emailProvider/>'])],
  ])('%s', (_what, text) => {
    expect(faultsIn(text)).toEqual([]);
  });
});

describe('a fault of an autoconfig document', () => {
  const skipped = (what: string, value: string) => ({ kind: 'skipped', what, value });
  const login = (advertised: string) => ({ kind: 'login', advertised });

  test.each([
    [
      'the address as user name',
      changed([/bob\.example</g, '%EMAILADDRESS%<']),
      [login('bob@example.com'), login('bob@example.com')],
    ],
    ['an unknown placeholder', inIncoming('bob.example', '%LOGIN%'), [login('%LOGIN%')]],
    ['no user name', inIncoming('<username>bob.example</username>', ''), [login('undefined')]],
    [
      'an empty user name',
      inOutgoing('<username>bob.example</username>', '<username/>'),
      [login('true')],
    ],
    ['a user name that looks like a number', inIncoming('>bob.example<', '>0123<'), [login('123')]],
    [
      'white space around the user name',
      inIncoming('>bob.example<', '> bob.example <'),
      [login(' bob.example ')],
    ],
    ['no encryption', inIncoming('STARTTLS', 'plain'), [{ kind: 'not-encrypted' }]],
    ['the other encryption', inIncoming('STARTTLS', 'SSL'), [{ kind: 'not-prescribed' }]],
    ['no port', inIncoming('<port>143</port>', ''), [{ kind: 'not-prescribed' }]],
    ['port 25', inOutgoing('587', '25'), [{ kind: 'not-prescribed' }]],
    [
      'another host',
      inIncoming('mail.example.com', 'imap.example.com'),
      [{ kind: 'not-prescribed' }],
    ],
    [
      'an encrypted password',
      inIncoming('password-cleartext', 'password-encrypted'),
      [{ kind: 'challenge-response' }],
    ],
    ['its old word', inIncoming('password-cleartext', 'secure'), [{ kind: 'challenge-response' }]],
    ['Kerberos', inIncoming('password-cleartext', 'GSSAPI'), [{ kind: 'challenge-response' }]],
    ['NTLM', inOutgoing('password-cleartext', 'NTLM'), [{ kind: 'challenge-response' }]],
    [
      'sending without login',
      inOutgoing('password-cleartext', 'none'),
      [{ kind: 'no-authentication' }],
    ],
    [
      'sending by IP address',
      inOutgoing('password-cleartext', 'client-IP-address'),
      [{ kind: 'no-authentication' }],
    ],
    [
      'the server of another account',
      inOutgoing('<port>', '<useGlobalPreferredServer>true</useGlobalPreferredServer><port>'),
      [{ kind: 'default-server' }],
    ],
    [
      'its empty element',
      inIncoming('<port>', '<useGlobalPreferredServer/><port>'),
      [{ kind: 'default-server' }],
    ],
    [
      'a password',
      inIncoming('<port>', '<password>secret</password><port>'),
      [{ kind: 'password' }],
    ],
    [
      'a URL',
      inIncoming('<port>', '<url>https://example.com/</url><port>'),
      [{ kind: 'unspecified', what: 'url', value: 'https://example.com/' }],
    ],
    [
      'POP3 only',
      inIncoming('type="imap"', 'type="pop3"').replace('>143<', '>110<'),
      [{ kind: 'pop3-first' }],
    ],
    [
      'an Exchange account beside IMAP',
      changed(['<outgoingServer', `${exchange}<outgoingServer`]),
      [{ kind: 'other-account', types: ['exchange'] }],
    ],
    [
      'only an Exchange account',
      changed([incoming, exchange]),
      [{ kind: 'no-incoming' }, { kind: 'other-account', types: ['exchange'] }],
    ],
    ...(
      [
        ['an unknown type', '<incomingServer type="jmap"/>', 'type', 'jmap'],
        ['a type in capital letters', '<incomingServer type="IMAP"/>', 'type', 'IMAP'],
        ['a type of the language', '<incomingServer type="constructor"/>', 'type', 'constructor'],
        ['no type', '<incomingServer/>', 'type', ''],
        ['an empty server', '<incomingServer type="imap"/>', 'hostname', ''],
      ] as const
    ).map(
      ([what, entry, element, value]) =>
        [
          `${what} beside a right server`,
          changed(['<incomingServer', `${entry}<incomingServer`]),
          [skipped(element, value)],
        ] as const,
    ),
    ...(
      [
        ['a host that is none', 'mail.example.com', 'mail_example', 'hostname', 'mail_example'],
        [
          'a host with a port',
          'mail.example.com',
          'mail.example.com:143',
          'hostname',
          'mail.example.com:143',
        ],
        ['an empty port', '>143<', '><', 'port', ''],
        ['port 0', '143', '0', 'port', '0'],
        ['a port that is too large', '143', '65536', 'port', '65536'],
        ['a port with an attribute', '<port>', '<port x="">', 'port', '[object Object]'],
        ['a socket type in small letters', 'STARTTLS', 'starttls', 'socketType', 'starttls'],
        ['a socket type with white space', 'STARTTLS', ' STARTTLS ', 'socketType', ' STARTTLS '],
        ['the socket type Auto', 'STARTTLS', 'Auto', 'socketType', 'Auto'],
        ['the socket type TLS', 'STARTTLS', 'TLS', 'socketType', 'TLS'],
        ['OAuth2 alone', 'password-cleartext', 'OAuth2', 'authentication', 'OAuth2'],
        ['CRAM-MD5', 'password-cleartext', 'CRAM-MD5', 'authentication', 'CRAM-MD5'],
        ['receiving without login', 'password-cleartext', 'none', 'authentication', 'none'],
        [
          'no authentication',
          '<authentication>password-cleartext</authentication>',
          '',
          'authentication',
          '',
        ],
      ] as const
    ).map(([what, from, to, element, value]) => {
      const server = (incoming.exec(right)?.[0] ?? '').replace(from, to);
      return [
        `${what} beside a right server`,
        changed(['<incomingServer', `${server}<incomingServer`]),
        [skipped(element, value)],
      ] as const;
    }),
    [
      'another kind of outgoing server',
      changed(['<outgoingServer', '<outgoingServer type="exchange"/><outgoingServer']),
      [skipped('type', 'exchange')],
    ],
  ])('%s', (_what, text, faults) => {
    expect(faultsIn(text)).toEqual(faults);
  });

  /** A server for POP3 with that authentication. */
  const pop3 = (authentication: string) =>
    (incoming.exec(right)?.[0] ?? '')
      .replace('type="imap"', 'type="pop3"')
      .replace('>143<', '>110<')
      .replace(/<authentication>.*<\/authentication>/, authentication);

  test.each([
    // autoconfig.cgi of Virtualmin 7.50 to 8.1: it has no line for $POP3_ENC.
    ['empty, as from Virtualmin', '<authentication></authentication>', ''],
    ['missing', '', ''],
    ['OAuth2', '<authentication>OAuth2</authentication>', 'OAuth2'],
  ])('none, where POP3 is left out beside IMAP: authentication %s', (_what, element, value) => {
    const text = changed(['<outgoingServer', `${pop3(element)}<outgoingServer`]);
    expect(faultsIn(text)).toEqual([]);
    const reading = read(text);
    expect(reading.kind === 'servers' && unneededIn(reading.settings, settings)).toEqual([
      { what: 'authentication', value, protocol: 'pop3' },
    ]);
  });

  test('POP3 that is left out counts where the client does not receive by IMAP', () => {
    const both = pop3('<authentication/>') + pop3('<authentication>plain</authentication>');
    expect(faultsIn(changed([incoming, both]))).toEqual([
      { kind: 'pop3-first' },
      skipped('authentication', ''),
    ]);
  });

  test('a password is not in what is read', () => {
    const text = inIncoming('<port>', '<password>secret</password><port>');
    expect(JSON.stringify(read(text))).not.toContain('secret');
  });
});

describe('an answer that Thunderbird refuses, and looks no further in this step', () => {
  test.each([
    ['another document', '<html></html>', { kind: 'other-document' }],
    ['an empty document', '<clientConfig/>', { kind: 'other-document' }],
    [
      'a prefix',
      right
        .replaceAll(/<(\/?)clientConfig/g, '<$1x:clientConfig')
        .replace('clientConfig version', 'clientConfig xmlns:x="urn:x" version'),
      { kind: 'other-document' },
    ],
    [
      'an element in capital letters',
      right.replaceAll('emailProvider', 'EmailProvider'),
      { kind: 'other-document' },
    ],
    ['no id', changed([' id="example.com"', '']), { kind: 'invalid', what: 'id', value: '' }],
    [
      'an id that is no host name',
      changed(['id="example.com"', 'id="Example Ltd"']),
      { kind: 'invalid', what: 'id', value: 'Example Ltd' },
    ],
    [
      'no domain',
      changed(['<domain>example.com</domain>', '']),
      { kind: 'invalid', what: 'domain', value: '' },
    ],
    [
      'a domain that is none',
      changed(['<domain>example.com', '<domain>münchen.example']),
      { kind: 'invalid', what: 'domain', value: 'münchen.example' },
    ],
    ['no server for receiving', changed([incoming, '']), { kind: 'no-incoming' }],
    ['no usable server for receiving', inIncoming('STARTTLS', 'Auto'), { kind: 'no-incoming' }],
    ['no server for sending', changed([outgoing, '']), { kind: 'no-outgoing' }],
    [
      'only an Exchange server',
      changed([incoming, exchange], [outgoing, '']),
      { kind: 'no-outgoing' },
    ],
  ])('%s', (_what, text, why) => {
    expect(read(text)).toMatchObject({ kind: 'refused', why });
  });

  test('the entries that it left out are named', () => {
    expect(read(inIncoming('STARTTLS', 'Auto'))).toMatchObject({
      skipped: [{ what: 'socketType', value: 'Auto' }],
    });
  });

  test.each(['', 'text/html', 'text/plain; charset=utf-8', 'application/octet-stream', 'TEXT/XML'])(
    'the Content-Type "%s"',
    (contentType) => {
      expect(read(right, contentType)).toMatchObject({
        why: { kind: 'content-type', contentType },
      });
    },
  );

  test.each(['text/xml', 'application/xml', 'text/xml;charset=utf-8'])(
    'not the Content-Type "%s"',
    (contentType) => {
      expect(read(right, contentType).kind).toBe('servers');
    },
  );
});

describe('an answer that is not well-formed, after which Thunderbird looks at the next place', () => {
  test.each([
    ['nothing', ''],
    ['a word', 'nothing'],
    ['white space before the declaration', `\n${right}`],
    ['a message of PHP before it', `<br />\n<b>Warning</b>: x\n${right}`],
    ['a bare & in the name', changed(['Example Ltd<', 'Bob & Sons<'])],
    ['an unknown entity', changed(['Example Ltd<', 'Bob &uuml; Sons<'])],
    ['an element that is not closed', changed(['</port>', ''])],
    ['two root elements', `${right}<x/>`],
    ['text after the root', `${right} x`],
    ['an attribute without quotes', changed(['type="imap"', 'type=imap'])],
    ['the end is missing', right.slice(0, -10)],
  ])('%s', (_what, text) => {
    expect(read(text)).toEqual({ kind: 'not-understood' });
  });
});
