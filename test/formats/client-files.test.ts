import { describe, expect, test } from '@jest/globals';
import {
  AUTHENTICATION_TYPE,
  CONNECTION_SECURITY,
  encodeAccounts,
  INCOMING_PROTOCOL,
} from 'thunderbird-account-qr-code';
import { decideClientSettings, decideServices } from '../../src/domain/client-settings';
import { policyFor } from '../../src/domain/policy';
import { appleProfile } from '../../src/formats/apple-profile';
import { autoconfig } from '../../src/formats/autoconfig';
import { autodiscover } from '../../src/formats/autodiscover';
import { dnsZone } from '../../src/formats/dns-zone';
import {
  thunderbirdAccount,
  thunderbirdQrPng,
  thunderbirdQrSvg,
} from '../../src/formats/thunderbird-qr';
import { policiesOf } from '../helpers/settings';
import { bob, exampleCom } from '../helpers/domain';
import { qrCodeIn } from '../helpers/qr';
import { named, parseXml, plistValue, texts } from '../helpers/xml';

function settings(mailbox = {}, policy = '', domain = 'example.com') {
  const server = { ...exampleCom, name: domain };
  const policies = policiesOf(policy);
  return decideClientSettings({ ...bob, ...mailbox }, server, policyFor(policies, domain));
}

/** Names and logins with special characters; no login equals its address. */
const hostile = [
  ['markup', '<b>&amp;"\'', 'h<b>&"\'x'],
  ['a comment and CDATA', ']]><!-- x -->', 'a]]>b'],
  ['placeholders', '%EMAILADDRESS% ${x}', 'ann+tag%percent'],
  ['from right to left', 'שלום', 'עברית.x'],
  ['emoji', '👩‍👩‍👧 Zoë', 'zoë.example'],
  ['spaces at the ends of nothing', 'a  b', 'bob@example.com'],
  ['a long name', 'W'.repeat(120), `${'x'.repeat(64)}.${'y'.repeat(60)}`],
] as const;

describe('autoconfig', () => {
  const provider = (text: string) => named(parseXml(text), 'emailProvider')[0];
  const servers = (text: string) =>
    (provider(text)?.children ?? [])
      .filter(({ name }) => name.endsWith('Server'))
      .map((one) => [one.name, one.attributes.type, ...Object.values(texts(one))].join(' '));

  test('lists every server, the recommended first', () => {
    const text = autoconfig(settings());
    expect(text.startsWith('<?xml version="1.0" encoding="UTF-8"?>')).toBe(true);
    expect(parseXml(text).attributes).toEqual({ version: '1.1' });
    expect(provider(text)?.attributes).toEqual({ id: 'example.com' });
    expect(texts(provider(text))).toMatchObject({
      domain: 'example.com',
      displayName: 'example.com',
      displayShortName: 'example',
    });
    const rest = 'password-cleartext bob.example';
    expect(servers(text)).toEqual([
      `incomingServer imap mail.example.com 143 STARTTLS ${rest}`,
      `incomingServer imap mail.example.com 993 SSL ${rest}`,
      `incomingServer pop3 mail.example.com 110 STARTTLS ${rest}`,
      `incomingServer pop3 mail.example.com 995 SSL ${rest}`,
      `outgoingServer smtp mail.example.com 587 STARTTLS ${rest}`,
      `outgoingServer smtp mail.example.com 465 SSL ${rest}`,
    ]);
  });

  test("names stay within the format's limits", () => {
    const long = `${'a'.repeat(40)}.${'b'.repeat(40)}.example`;
    const names = texts(provider(autoconfig(settings({}, '', long))));
    expect(names.displayName).toHaveLength(30);
    expect(names.displayShortName).toHaveLength(12);
    expect(names.domain).toBe(long);
    const readable = texts(provider(autoconfig(settings({}, '', 'xn--mnchen-3ya.example'))));
    expect(readable).toMatchObject({
      domain: 'xn--mnchen-3ya.example',
      displayName: 'münchen.example',
    });
  });

  test.each([
    ['0042', '0042@example.com', '%EMAILLOCALPART%'],
    ['1e3', '1e3@example.com', '%EMAILLOCALPART%'],
    ['TRUE', 'TRUE@example.com', '%EMAILLOCALPART%'],
    ['0042', 'agent@example.com', '0042'],
    ['0042.x', '0042.x@example.com', '0042.x'],
    ['42', '42@example.com', '42'],
    ['true', 'true@example.com', 'true'],
  ])('Thunderbird keeps the login %s of %s: %s', (login, emailAddress, written) => {
    const text = autoconfig(settings({ login, emailAddress }));
    const all = named(provider(text), 'incomingServer').concat(
      named(provider(text), 'outgoingServer'),
    );
    expect(all.map((server) => texts(server).username)).toEqual(Array(6).fill(written));
  });

  test.each(hostile)('%s: unchanged after parsing', (_what, realName, login) => {
    for (const server of named(
      provider(autoconfig(settings({ realName, login }))),
      'incomingServer',
    )) {
      expect(texts(server).username).toBe(login);
    }
  });
});

describe('autodiscover', () => {
  const response = (text: string) => parseXml(text).children[0];
  const protocols = (text: string) =>
    named(named(response(text), 'Account')[0], 'Protocol').map(texts);

  test("one protocol per direction, with Outlook's words", () => {
    const text = autodiscover(settings());
    expect(parseXml(text)).toMatchObject({
      name: 'Autodiscover',
      attributes: {
        xmlns: 'http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006',
      },
    });
    expect(response(text)?.attributes.xmlns).toBe(
      'http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a',
    );
    expect(texts(named(response(text), 'Account')[0])).toMatchObject({
      AccountType: 'email',
      Action: 'settings',
    });
    const both = {
      Server: 'mail.example.com',
      LoginName: 'bob.example',
      DomainRequired: 'off',
      SPA: 'off',
      SSL: 'on',
      Encryption: 'SSL',
      AuthRequired: 'on',
    };
    expect(protocols(text)).toEqual([
      { Type: 'IMAP', Port: '993', ...both },
      { Type: 'SMTP', Port: '465', ...both, UsePOPAuth: 'on', SMTPLast: 'off' },
    ]);
  });

  test.each([
    ['implicit TLS preferred', 'prefer_security=implicit-tls', ['IMAP 993 SSL', 'SMTP 465 SSL']],
    ['POP3 alone', 'imap_port=off\nimaps_port=off', ['POP3 995 SSL', 'SMTP 465 SSL']],
    ['no IMAPS', 'imaps_port=off', ['IMAP 143 TLS', 'SMTP 465 SSL']],
    ['no SMTPS', 'submissions_port=off', ['IMAP 993 SSL', 'SMTP 587 TLS']],
    [
      'ports of its own',
      'imaps_port=2993\nsubmissions_port=2465',
      ['IMAP 2993 SSL', 'SMTP 2465 SSL'],
    ],
  ])('%s', (_what, policy, expected) => {
    const found = protocols(autodiscover(settings({}, policy)));
    expect(
      found.map(({ Type, Port, Encryption }) => `${Type ?? ''} ${Port ?? ''} ${Encryption ?? ''}`),
    ).toEqual(expected);
  });

  test.each(hostile)('%s: unchanged after parsing', (_what, realName, login) => {
    const text = autodiscover(settings({ realName, login }));
    expect(texts(named(response(text), 'User')[0])).toEqual({ DisplayName: realName });
    for (const protocol of protocols(text)) expect(protocol.LoginName).toBe(login);
  });
});

/** A key of a payload: its type, and whether it is required or which values it may have. */
interface PayloadKey {
  readonly type: 'string' | 'integer' | 'boolean' | 'array';
  readonly required?: true;
  readonly values?: readonly unknown[];
}

const requiredText: PayloadKey = { type: 'string', required: true };
const text: PayloadKey = { type: 'string' };
const integer: PayloadKey = { type: 'integer' };
const yesOrNo: PayloadKey = { type: 'boolean' };
const versionOne: PayloadKey = { type: 'integer', required: true, values: [1] };
const authentication: PayloadKey = {
  type: 'string',
  required: true,
  values: ['None', 'Password', 'CRAMMD5', 'NTLM', 'HTTPMD5'].map((name) => `EmailAuth${name}`),
};

/**
 * The required keys of a profile, and the optional ones that ours have: github.com/apple/device-management,
 * mdm/profiles/TopLevel.yaml of release iOS 18.1.
 */
const topLevelKeys: Readonly<Record<string, PayloadKey>> = {
  PayloadIdentifier: requiredText,
  PayloadUUID: requiredText,
  PayloadType: { type: 'string', required: true, values: ['Configuration'] },
  PayloadVersion: versionOne,
  PayloadContent: { type: 'array', required: true },
  PayloadDescription: text,
  PayloadDisplayName: text,
  PayloadOrganization: text,
  PayloadRemovalDisallowed: yesOrNo,
};

/** The same for its mail account: com.apple.mail.managed.yaml and CommonPayloadKeys.yaml. */
const mailKeys: Readonly<Record<string, PayloadKey>> = {
  PayloadIdentifier: requiredText,
  PayloadUUID: requiredText,
  PayloadType: { type: 'string', required: true, values: ['com.apple.mail.managed'] },
  PayloadVersion: versionOne,
  PayloadDisplayName: text,
  EmailAccountDescription: text,
  EmailAccountName: text,
  EmailAccountType: {
    type: 'string',
    required: true,
    values: ['EmailTypeIMAP', 'EmailTypePOP'],
  },
  EmailAddress: text,
  IncomingMailServerAuthentication: authentication,
  IncomingMailServerHostName: requiredText,
  IncomingMailServerPortNumber: integer,
  IncomingMailServerUseSSL: yesOrNo,
  IncomingMailServerUsername: text,
  OutgoingMailServerAuthentication: authentication,
  OutgoingMailServerHostName: requiredText,
  OutgoingMailServerPortNumber: integer,
  OutgoingMailServerUseSSL: yesOrNo,
  OutgoingMailServerUsername: text,
  OutgoingPasswordSameAsIncomingPassword: yesOrNo,
};

function schemaFaults(
  payload: Readonly<Record<string, unknown>>,
  keys: Readonly<Record<string, PayloadKey>>,
): string[] {
  const isOf: Readonly<Record<PayloadKey['type'], (value: unknown) => boolean>> = {
    string: (value) => typeof value === 'string',
    integer: Number.isInteger,
    boolean: (value) => typeof value === 'boolean',
    array: Array.isArray,
  };
  const missing = Object.keys(keys).filter((key) => keys[key]?.required && !(key in payload));
  const wrong = Object.entries(payload).flatMap(([key, value]) => {
    const known = keys[key];
    if (known === undefined) return [`${key} is unknown`];
    if (!isOf[known.type](value)) return [`${key} is no ${known.type}`];
    const { values = [value] } = known;
    return values.includes(value) ? [] : [`${key} cannot be ${String(value)}`];
  });
  return [...missing.map((key) => `${key} is missing`), ...wrong];
}

describe("Apple's profile", () => {
  const profile = (
    mailbox = {},
    protocol: 'imap' | 'pop3' = 'imap',
    policy = '',
    domain?: string,
  ) =>
    plistValue(parseXml(appleProfile(settings(mailbox, policy, domain), protocol) ?? '')) as Record<
      string,
      unknown
    > & { readonly PayloadContent: readonly Record<string, unknown>[] };
  const uuid = /^[0-9A-F]{8}-[0-9A-F]{4}-5[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$/;

  test.each([
    ['usual', {}, ''],
    ['no real name', { realName: '' }, ''],
    ['implicit TLS preferred', {}, 'prefer_security=implicit-tls'],
    ...hostile.map(([what, realName, login]) => [what, { realName, login }, ''] as const),
  ])("%s: keys, types and values are those of Apple's schema", (_what, mailbox, policy) => {
    for (const protocol of ['imap', 'pop3'] as const) {
      const { PayloadContent, ...outer } = profile(mailbox, protocol, policy);
      expect(schemaFaults({ ...outer, PayloadContent }, topLevelKeys)).toEqual([]);
      expect(PayloadContent).toHaveLength(1);
      for (const payload of PayloadContent) expect(schemaFaults(payload, mailKeys)).toEqual([]);
    }
  });

  test('a fault against the schema is found', () => {
    const { PayloadContent, ...outer } = profile();
    expect(schemaFaults(outer, topLevelKeys)).toEqual(['PayloadContent is missing']);
    const changed = {
      ...PayloadContent[0],
      IncomingMailServerPortNumber: '993',
      EmailAccountType: 'IMAP',
      UseSSL: true,
    };
    expect(schemaFaults(changed, mailKeys)).toEqual([
      'EmailAccountType cannot be IMAP',
      'IncomingMailServerPortNumber is no integer',
      'UseSSL is unknown',
    ]);
  });

  test('has every key, with the ports of implicit TLS', () => {
    const { PayloadContent, ...outer } = profile();
    expect(outer).toEqual({
      PayloadType: 'Configuration',
      PayloadVersion: 1,
      PayloadIdentifier: expect.stringMatching(/^com\.example\.mail-setup\.[0-9a-f-]{36}$/),
      PayloadUUID: expect.stringMatching(uuid),
      PayloadDisplayName: 'Mail for bob@example.com',
      PayloadDescription: expect.stringContaining('asks for its password'),
      PayloadOrganization: 'example.com',
      PayloadRemovalDisallowed: false,
    });
    expect(PayloadContent).toEqual([
      {
        PayloadType: 'com.apple.mail.managed',
        PayloadVersion: 1,
        PayloadIdentifier: `${String(outer.PayloadIdentifier)}.account`,
        PayloadUUID: expect.stringMatching(uuid),
        PayloadDisplayName: 'Mail account bob@example.com',
        EmailAccountType: 'EmailTypeIMAP',
        EmailAccountDescription: 'bob@example.com',
        EmailAccountName: 'Bob Example',
        EmailAddress: 'bob@example.com',
        IncomingMailServerAuthentication: 'EmailAuthPassword',
        IncomingMailServerHostName: 'mail.example.com',
        IncomingMailServerPortNumber: 993,
        IncomingMailServerUseSSL: true,
        IncomingMailServerUsername: 'bob.example',
        OutgoingMailServerAuthentication: 'EmailAuthPassword',
        OutgoingMailServerHostName: 'mail.example.com',
        OutgoingMailServerPortNumber: 465,
        OutgoingMailServerUseSSL: true,
        OutgoingMailServerUsername: 'bob.example',
        OutgoingPasswordSameAsIncomingPassword: true,
      },
    ]);
  });

  test('has the POP3 server in the POP3 variant', () => {
    expect(profile({}, 'pop3').PayloadContent[0]).toMatchObject({
      EmailAccountType: 'EmailTypePOP',
      IncomingMailServerPortNumber: 995,
    });
  });

  test('without a real name, omits its key', () => {
    expect(profile({ realName: '' }).PayloadContent[0]).not.toHaveProperty('EmailAccountName');
  });

  test.each([
    ['no IMAPS', 'imaps_port=off', 'imap'],
    ['no SMTPS', 'submissions_port=off', 'imap'],
    ['no POP3', 'offer_pop3=no', 'pop3'],
  ] as const)('is not available if the policy has %s', (_what, policy, protocol) => {
    expect(appleProfile(settings({}, policy), protocol)).toBeNull();
  });

  test('two mailboxes have different identifiers, one mailbox always has the same', () => {
    const mailboxes = [
      profile(),
      profile({ login: 'bob-example' }),
      profile({ login: 'Bob.example' }),
      profile({}, 'imap', '', 'example.org'),
    ];
    const identifiers = mailboxes.flatMap(({ PayloadIdentifier, PayloadUUID, PayloadContent }) => [
      PayloadIdentifier,
      PayloadUUID,
      PayloadContent[0]?.PayloadIdentifier,
      PayloadContent[0]?.PayloadUUID,
    ]);
    expect(new Set(identifiers).size).toBe(16);
    const changed = profile({ realName: 'Robert', extraAddresses: ['x@example.com'] }, 'pop3');
    expect(changed.PayloadIdentifier).toBe(mailboxes[0]?.PayloadIdentifier);
    expect(changed.PayloadUUID).toBe(mailboxes[0]?.PayloadUUID);
  });

  test('the identifier is the one of earlier releases', () => {
    expect(profile().PayloadUUID).toBe('77FFB77E-1781-5646-9465-7523528F78DD');
  });

  test.each(hostile)('%s: unchanged after parsing', (_what, realName, login) => {
    expect(profile({ realName, login }).PayloadContent[0]).toMatchObject({
      EmailAccountName: realName,
      IncomingMailServerUsername: login,
      OutgoingMailServerUsername: login,
    });
  });
});

describe("Thunderbird's QR code", () => {
  /** The same content from Thunderbird's own encoder. */
  function expected(realName: string, login: string, policy: 'starttls' | 'implicit-tls') {
    const tls = policy === 'implicit-tls';
    const security = tls ? CONNECTION_SECURITY.Tls : CONNECTION_SECURITY.AlwaysStartTls;
    return encodeAccounts([
      {
        incomingProtocol: INCOMING_PROTOCOL.IMAP,
        incomingHostname: 'mail.example.com',
        incomingPort: tls ? 993 : 143,
        incomingConnectionSecurity: security,
        incomingAuthenticationType: AUTHENTICATION_TYPE.PasswordCleartext,
        incomingUsername: login,
        outgoingHostname: 'mail.example.com',
        outgoingPort: tls ? 465 : 587,
        outgoingConnectionSecurity: security,
        outgoingAuthenticationType: AUTHENTICATION_TYPE.PasswordCleartext,
        outgoingUsername: login,
        identityEmailAddress: 'bob@example.com',
        identityDisplayName: realName,
      },
    ]);
  }

  async function scanned(mailbox: object, policy = ''): Promise<string | null> {
    return qrCodeIn(await thunderbirdQrPng(settings(mailbox, policy)));
  }

  test.each(hostile)(
    "%s: the content equals that of Thunderbird's own encoder",
    (_what, realName, login) => {
      expect(thunderbirdAccount(settings({ realName, login }))).toBe(
        expected(realName, login, 'starttls'),
      );
    },
  );

  test.each([
    ['nothing special', 'Bob Example'],
    ['many scripts', 'שלום Zoë 👩‍👩‍👧 李小龍'],
    ['a long name', 'W'.repeat(120)],
  ])('%s: the code can be scanned', async (_what, realName) => {
    expect(await scanned({ realName })).toBe(expected(realName, 'bob.example', 'starttls'));
  });

  test('encodes implicit TLS', () => {
    expect(thunderbirdAccount(settings({}, 'prefer_security=implicit-tls'))).toBe(
      expected('Bob Example', 'bob.example', 'implicit-tls'),
    );
  });

  test('encodes a POP3 account if there is no IMAP', () => {
    const account = JSON.parse(
      thunderbirdAccount(settings({}, 'imap_port=off\nimaps_port=off')),
    ) as unknown[][];
    expect(account[2]?.slice(0, 3)).toEqual([1, 'mail.example.com', 110]);
  });

  test.each([
    ['no name', ''],
    ['a name that no code could hold', 'x'.repeat(10_000)],
  ])('%s: the address is used as the name', async (_what, realName) => {
    expect(await scanned({ realName })).toContain('["bob@example.com","bob@example.com"]');
  });

  test('is black on white with a quiet zone of four modules, also as SVG', async () => {
    const svg = parseXml(await thunderbirdQrSvg(settings()));
    const [background, code] = named(svg, 'path');
    expect(background?.attributes.fill).toBe('#ffffff');
    expect(code?.attributes.stroke).toBe('#000000');
    expect(code?.attributes.d).toMatch(/^M4 4\.5h7/);
  });
});

describe('DNS records', () => {
  const records = (policy = '') => {
    const policies = policiesOf(policy);
    return dnsZone('example.com', decideServices('example.com', policies.general))
      .split('\n')
      .filter((line) => !line.startsWith(';') && line !== '');
  };

  test('are in the order of the policy', () => {
    expect(records()).toEqual([
      '_imap._tcp.example.com. 3600 IN SRV 0 1 143 mail.example.com.',
      '_imaps._tcp.example.com. 3600 IN SRV 10 1 993 mail.example.com.',
      '_pop3._tcp.example.com. 3600 IN SRV 20 1 110 mail.example.com.',
      '_pop3s._tcp.example.com. 3600 IN SRV 30 1 995 mail.example.com.',
      '_submission._tcp.example.com. 3600 IN SRV 0 1 587 mail.example.com.',
      '_submissions._tcp.example.com. 3600 IN SRV 10 1 465 mail.example.com.',
    ]);
    expect(
      records('prefer_security=implicit-tls\noffer_pop3=no\noutgoing_host=smtp.x.example'),
    ).toEqual([
      '_imaps._tcp.example.com. 3600 IN SRV 0 1 993 mail.example.com.',
      '_imap._tcp.example.com. 3600 IN SRV 10 1 143 mail.example.com.',
      '_submissions._tcp.example.com. 3600 IN SRV 0 1 465 smtp.x.example.',
      '_submission._tcp.example.com. 3600 IN SRV 10 1 587 smtp.x.example.',
    ]);
  });
});

test.each([
  ['autoconfig', autoconfig],
  ['autodiscover', autodiscover],
  ['profile', (one: ReturnType<typeof settings>) => appleProfile(one, 'imap')],
  ['QR code', thunderbirdQrSvg],
])('%s: the same mailbox gives the same bytes', async (_what, render) => {
  expect(await render(settings())).toBe(await render(settings()));
});
