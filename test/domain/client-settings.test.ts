import { describe, expect, test } from '@jest/globals';
import {
  allServices,
  avoidedIn,
  decideClientSettings,
  decideServices,
  provenAsOf,
  withImplicitTls,
} from '../../src/domain/client-settings';
import type { Delivery } from '../../src/domain/mailbox';
import type { Result } from '../../src/domain/observation';
import { policyFor } from '../../src/domain/policy';
import { defaultPolicy } from '../../src/settings/settings';
import { policiesOf } from '../helpers/settings';
import { bob, exampleCom, observationsOf } from '../helpers/domain';

const policies = (text = '') => policiesOf(text);

function decide(settings = '', mailbox = {}, server = {}) {
  const virtualServer = { ...exampleCom, ...server };
  const policy = policyFor(policies(settings), virtualServer.name);
  return decideClientSettings({ ...bob, ...mailbox }, virtualServer, policy);
}

/** One line per service: `imap mail.example.com:143 starttls recommended`. */
function lines(services: ReturnType<typeof decide>['incoming']) {
  return services.map(
    ({ protocol, host, port, security, role }) => `${protocol} ${host}:${port} ${security} ${role}`,
  );
}

test('the default policy gives the expected services', () => {
  const settings = decide();
  expect(lines(settings.incoming)).toEqual([
    'imap mail.example.com:143 starttls recommended',
    'imap mail.example.com:993 implicit-tls fallback',
    'pop3 mail.example.com:110 starttls alternative',
    'pop3 mail.example.com:995 implicit-tls alternative',
  ]);
  expect(lines(settings.outgoing)).toEqual([
    'submission mail.example.com:587 starttls recommended',
    'submission mail.example.com:465 implicit-tls fallback',
  ]);
  for (const service of [...settings.incoming, ...settings.outgoing]) {
    expect(service.authentication).toBe('normal-password');
  }
  expect(settings).toMatchObject({ webmailUrl: null, supportContact: null });
});

describe('a policy with', () => {
  test.each([
    [
      'another preference',
      'prefer_security=implicit-tls',
      'imap mail.example.com:993 implicit-tls recommended',
      'submission mail.example.com:465 implicit-tls recommended',
    ],
    [
      'one host for both directions',
      'mail_host=mx.host.example',
      'imap mx.host.example:143 starttls recommended',
      'submission mx.host.example:587 starttls recommended',
    ],
    [
      'another host for sending',
      'outgoing_host=smtp.{domain}',
      'imap mail.example.com:143 starttls recommended',
      'submission smtp.example.com:587 starttls recommended',
    ],
    [
      'ports switched off',
      'imap_port=off\nsubmission_port=off',
      'imap mail.example.com:993 implicit-tls recommended',
      'submission mail.example.com:465 implicit-tls recommended',
    ],
    [
      'other ports',
      'imap_port=10143\nsubmission_port=2587',
      'imap mail.example.com:10143 starttls recommended',
      'submission mail.example.com:2587 starttls recommended',
    ],
    [
      'POP3 only',
      'imap_port=off\nimaps_port=off',
      'pop3 mail.example.com:110 starttls recommended',
      'submission mail.example.com:587 starttls recommended',
    ],
    [
      'an exception for this domain',
      'mail_host=a.example\nmail_host@example.com=b.example',
      'imap b.example:143 starttls recommended',
      'submission b.example:587 starttls recommended',
    ],
    [
      'an exception for another domain',
      'mail_host@example.org=b.example',
      'imap mail.example.com:143 starttls recommended',
      'submission mail.example.com:587 starttls recommended',
    ],
  ])('%s', (_what, settings, incoming, outgoing) => {
    expect(lines(decide(settings).incoming)[0]).toBe(incoming);
    expect(lines(decide(settings).outgoing)[0]).toBe(outgoing);
  });

  test('without POP3 gives no POP3 service', () => {
    expect(decide('offer_pop3=no').incoming.map(({ protocol }) => protocol)).toEqual([
      'imap',
      'imap',
    ]);
  });

  test('each direction has exactly one recommended service, and port 25 is never given', () => {
    for (const settings of [
      '',
      'prefer_security=implicit-tls',
      'imap_port=off',
      'imaps_port=off\noffer_pop3=0',
    ]) {
      const { incoming, outgoing } = decide(settings);
      for (const services of [incoming, outgoing]) {
        expect(services.filter(({ role }) => role === 'recommended')).toHaveLength(1);
        expect(services.some(({ port }) => port === 25)).toBe(false);
      }
    }
  });

  test('webmail and support contact are part of the settings', () => {
    expect(decide('webmail_url=https://webmail.{domain}/\nsupport_contact=Call 555')).toMatchObject(
      {
        webmailUrl: 'https://webmail.example.com/',
        supportContact: 'Call 555',
      },
    );
  });
});

describe('the login is the one from Virtualmin, in every naming style', () => {
  test.each([
    ['username.domain', 'bob.example', false],
    ['username-domain', 'bob-example', false],
    ['domain.username', 'example.bob', false],
    ['domain-username', 'example-bob', false],
    ['username_domain', 'bob_example', false],
    ['domain_username', 'example_bob', false],
    ['username@domain', 'bob@example.com', true],
    ['username%domain', 'bob%example', false],
    ['a prefix unlike the domain', 'bob.zz9', false],
    ['the address in other letters', 'Bob@example.com', false],
    ['plus and percent', 'bob+tag%percent', false],
    ['the owner', 'example', false],
  ])('%s', (_style, login, same) => {
    const settings = decide('', { login });
    expect(settings.login).toBe(login);
    expect(settings.loginIsEmailAddress).toBe(same);
    expect(settings.warnings.includes('login-is-not-email-address')).toBe(!same);
  });
});

describe('warnings', () => {
  const delivery = (arrives: Delivery['arrives'], ...forwardsTo: string[]) => ({
    delivery: { arrives, forwardsTo },
  });

  test.each([
    ['no warning', {}, {}, []],
    ['mailbox disabled', { disabled: true }, {}, ['mailbox-disabled']],
    ['domain disabled', {}, { disabled: '' }, ['domain-disabled']],
    ['mail switched off', {}, { mail: false }, ['domain-without-mail']],
    ['no password accepted', { passwordAccepted: false }, {}, ['password-not-accepted']],
    ['a name in broken bytes', { realName: 'Zo\uFFFD' }, {}, ['real-name-unreadable']],
    ['mail is only forwarded', delivery('no', 'a@b.example'), {}, ['only-forwards']],
    ['mail is forwarded, too', delivery('yes', 'a@b.example'), {}, []],
    ['mail goes nowhere', delivery('no'), {}, ['receives-nothing']],
    ['a program gets the mail', delivery('unknown', 'a@b.example'), {}, ['may-receive-nothing']],
    [
      'all at once, the worst first',
      { disabled: true, login: 'x' },
      { disabled: 'x' },
      ['mailbox-disabled', 'domain-disabled', 'login-is-not-email-address'],
    ],
  ])('%s', (_what, mailbox, server, warnings) => {
    expect(decide('', { login: 'bob@example.com', ...mailbox }, server).warnings).toEqual(warnings);
  });
});

describe('with observations of the mail servers', () => {
  const refused = { kind: 'refused' } as const;
  const order = (results: Readonly<Record<number, Result>>, text = '') => {
    const policy = policies(text).general;
    const settings = decideClientSettings(bob, exampleCom, policy, observationsOf(policy, results));
    return allServices(settings).map(({ port, role }) => `${port} ${role}`);
  };
  const certificate = { kind: 'certificate-name', names: ['x.example'] } as const;
  const standard = [
    '143 recommended',
    '993 fallback',
    '110 alternative',
    '995 alternative',
    '587 recommended',
    '465 fallback',
  ];

  test('the settings stay the same if everything is proven, nothing works, or nothing was checked', () => {
    const ports = [143, 993, 110, 995, 587, 465];
    const all = (result: Result) => Object.fromEntries(ports.map((port) => [port, result]));
    expect(order({})).toEqual(standard);
    expect(order(all(refused))).toEqual(standard);
    expect(order(all({ kind: 'not-checked' }))).toEqual(standard);
  });

  test.each<Result>([
    refused,
    { kind: 'timed-out' },
    { kind: 'differs', how: 'starttls-not-offered' },
    { kind: 'certificate-expired', until: 0 },
    { kind: 'certificate-name', names: ['x.example'] },
    { kind: 'certificate-untrusted', reason: 'SELF_SIGNED' },
  ])('a broken port ($kind) is not offered beside a working one', (result) => {
    expect(order({ 587: result })).toEqual([
      ...standard.slice(0, 4),
      '465 recommended',
      '587 not-offered',
    ]);
    expect(order({ 143: result })).toEqual([
      '993 recommended',
      ...standard.slice(2),
      '143 not-offered',
    ]);
    expect(order({ 465: result })).toEqual([...standard.slice(0, 5), '465 not-offered']);
  });

  test('a port whose certificate is not accepted is better than one that does not answer', () => {
    expect(order({ 587: certificate, 465: refused })).toEqual([
      ...standard.slice(0, 5),
      '465 not-offered',
    ]);
    expect(order({ 587: refused, 465: certificate })).toEqual([
      ...standard.slice(0, 4),
      '465 recommended',
      '587 not-offered',
    ]);
  });

  test('POP3 never replaces IMAP, and is offered only where it is no worse', () => {
    expect(order({ 143: refused, 993: refused })).toEqual(standard);
    expect(order({ 110: refused, 995: refused })).toEqual([
      ...standard.slice(0, 2),
      ...standard.slice(4),
      '110 not-offered',
      '995 not-offered',
    ]);
    expect(order({ 110: refused }).slice(2)).toEqual([
      '995 alternative',
      ...standard.slice(4),
      '110 not-offered',
    ]);
    const certificates = { 143: certificate, 993: certificate, 110: certificate, 995: certificate };
    expect(order(certificates)).toEqual(standard);
    expect(order({ 110: certificate, 995: certificate })).toHaveLength(6);
    expect(order({ 110: certificate, 995: certificate })).not.toContain('110 alternative');
  });

  test('a policy that prefers SSL/TLS is adapted too', () => {
    expect(order({ 465: refused }, 'prefer_security=implicit-tls').slice(-2)).toEqual([
      '587 recommended',
      '465 not-offered',
    ]);
  });

  test.each<[string, Readonly<Record<number, Result>>, readonly string[]]>([
    ['all proven', {}, []],
    ['a fault that no client meets', { 587: refused, 993: certificate }, []],
    ['nothing to send with', { 587: refused, 465: refused }, ['server-broken']],
    ['IMAP broken', { 143: refused, 993: refused }, ['server-broken']],
    ['the certificate', { 143: certificate, 993: refused }, ['certificate-not-accepted']],
    [
      'both',
      { 143: certificate, 993: certificate, 587: refused, 465: { kind: 'timed-out' } },
      ['server-broken', 'certificate-not-accepted'],
    ],
    ['not checked', { 143: { kind: 'not-checked' }, 587: { kind: 'not-checked' } }, []],
  ])('the warnings of the servers come after those of the mailbox: %s', (_what, results, more) => {
    const observations = observationsOf(defaultPolicy, results);
    const { warnings } = decideClientSettings(bob, exampleCom, defaultPolicy, observations);
    expect(warnings).toEqual(['login-is-not-email-address', ...more]);
  });

  test('services with SSL/TLS are given only where they are offered', () => {
    const implicit = (results: Readonly<Record<number, Result>>) =>
      withImplicitTls(
        decideServices('example.com', defaultPolicy, observationsOf(defaultPolicy, results)),
        'imap',
      );
    expect(implicit({})).toMatchObject({ incoming: { port: 993 }, outgoing: { port: 465 } });
    expect(implicit({ 465: refused })).toBeNull();
    expect(implicit({ 993: certificate })).toBeNull();
    expect(implicit({ 465: refused, 587: refused })).toMatchObject({ outgoing: { port: 465 } });
  });

  test('a change is marked where it applies, and only there', () => {
    const policy = defaultPolicy;
    const avoided = (results: Readonly<Record<number, Result>>) =>
      avoidedIn(decideServices('example.com', policy, observationsOf(policy, results, 5)), policy);
    expect(avoided({})).toEqual([]);
    expect(avoided({ 465: refused })).toEqual([]);
    expect(avoided({ 587: refused, 465: refused })).toEqual([]);
    const [one, ...more] = avoided({ 587: refused });
    expect(more).toEqual([]);
    expect(one).toMatchObject({
      service: { port: 587 },
      instead: { port: 465 },
      result: refused,
      asOf: 5,
    });
  });

  test('settings are proven only if each recommended service works', () => {
    const policy = defaultPolicy;
    const proven = (results: Readonly<Record<number, Result>>) =>
      provenAsOf(decideServices('example.com', policy, observationsOf(policy, results, 7)));
    expect(proven({})).toBe(7);
    expect(proven({ 993: refused, 587: refused })).toBe(7);
    expect(proven({ 587: refused, 465: refused })).toBeNull();
    expect(proven({ 143: { kind: 'not-checked' } })).toBeNull();
    expect(provenAsOf(decideServices('example.com', policy))).toBeNull();
  });
});
