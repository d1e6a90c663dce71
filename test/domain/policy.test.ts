import { describe, expect, test } from '@jest/globals';
import { noBranding, type Branding } from '../../src/domain/branding';
import { forDomain, policyFor, type MailPolicies, type MailPolicy } from '../../src/domain/policy';
import { defaultPolicy } from '../../src/settings/settings';

test('the default policy matches the README', () => {
  expect(defaultPolicy).toEqual({
    incomingHost: 'mail.{domain}',
    outgoingHost: 'mail.{domain}',
    preferredSecurity: 'starttls',
    imap: { starttls: 143, 'implicit-tls': 993 },
    offerPop3: true,
    pop3: { starttls: 110, 'implicit-tls': 995 },
    submission: { starttls: 587, 'implicit-tls': 465 },
    checkServers: true,
    certificateHost: 'propose',
    clientAnswers: 'off',
    tryLogins: true,
    mailFrom: null,
    branding: noBranding,
  });
});

describe('forDomain', () => {
  test.each([
    ['a domain in front', 'mail.{domain}', 'mail.example.com'],
    ['the domain alone', '{domain}', 'example.com'],
    ['no placeholder', 'mx.host.example', 'mx.host.example'],
    ['several', 'https://{domain}/?d={domain}', 'https://example.com/?d=example.com'],
    ['other braces stay', 'mail.{Domain}.{x}', 'mail.{Domain}.{x}'],
  ])('%s', (_name, pattern, expected) => {
    expect(forDomain(pattern, 'example.com')).toBe(expected);
  });
});

describe('policyFor', () => {
  const brandingOf = (changes: Partial<Branding>): Branding => ({ ...noBranding, ...changes });
  const general: MailPolicy = {
    ...defaultPolicy,
    incomingHost: 'mx.general.example',
    branding: brandingOf({ name: 'General', note: 'general note', colour: '#111111' }),
  };
  const own: MailPolicy = {
    ...defaultPolicy,
    incomingHost: 'mx.own.example',
    offerPop3: false,
    branding: brandingOf({ name: 'Own' }),
  };
  const policies: MailPolicies = { general, byDomain: new Map([['example.com', own]]) };
  const ofDomain = brandingOf({ name: 'Saved for the domain', note: 'domain note' });
  const ofReseller = brandingOf({ note: 'reseller note', paper: 'letter' });

  test.each([
    ['a domain with a policy of its own', 'example.com', own],
    ['a domain without', 'example.org', general],
    ['a sub-domain of one with its own', 'sub.example.com', general],
    ['the same name in capitals', 'EXAMPLE.COM', general],
  ])('%s: all settings except the branding come from one policy', (_name, domain, expected) => {
    const policy = policyFor(policies, domain);
    expect({ ...policy, branding: null }).toEqual({ ...expected, branding: null });
  });

  test.each([
    [
      'general settings only',
      'example.org',
      [],
      { name: 'General', note: 'general note', colour: '#111111', paper: null },
    ],
    [
      "the domain's own settings over the general ones",
      'example.com',
      [],
      { name: 'Own', note: 'general note', colour: '#111111', paper: null },
    ],
    [
      'saved brandings over the general settings, the nearest first',
      'example.org',
      [ofDomain, ofReseller],
      { name: 'Saved for the domain', note: 'domain note', colour: '#111111', paper: 'letter' },
    ],
    [
      'the same in the other order',
      'example.org',
      [ofReseller, ofDomain],
      { name: 'Saved for the domain', note: 'reseller note', colour: '#111111', paper: 'letter' },
    ],
    [
      "the domain's own settings over saved brandings",
      'example.com',
      [ofDomain, ofReseller],
      { name: 'Own', note: 'domain note', colour: '#111111', paper: 'letter' },
    ],
  ])('branding: %s', (_name, domain, saved, expected) => {
    expect(policyFor(policies, domain, saved).branding).toMatchObject(expected);
  });

  test('changes none of its input policies', () => {
    const before = structuredClone(policies);
    policyFor(policies, 'example.com', [ofDomain]);
    expect(policies).toEqual(before);
  });
});
