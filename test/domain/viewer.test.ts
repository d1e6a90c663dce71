import { describe, expect, test } from '@jest/globals';
import {
  mayBrand,
  maySee,
  mayWriteMail,
  permissions,
  viewerRoles,
  type Permission,
  type Viewer,
  type ViewerRole,
} from '../../src/domain/viewer';

const may = new Set(permissions);

const master: Viewer = { user: 'root', role: 'master-admin', domains: 'all', may };
/** A master admin limited to some domains, which Virtualmin's ACL allows. */
const limitedMaster: Viewer = { ...master, domains: new Set(['example.com']) };
const reseller: Viewer = {
  user: 'rita',
  role: 'reseller',
  domains: new Set(['example.com', 'example.org']),
  may,
};
const owner: Viewer = {
  user: 'olga',
  role: 'domain-owner',
  domains: new Set(['example.com']),
  may,
};
const extraAdmin: Viewer = { ...owner, user: 'eve', role: 'extra-admin' };

describe('maySee', () => {
  test.each<[string, Viewer, string, boolean]>([
    ['a master admin, any domain', master, 'example.net', true],
    ['a master admin of one domain, that one', limitedMaster, 'example.com', true],
    ['a master admin of one domain, another', limitedMaster, 'example.net', false],
    ['a reseller, one of their domains', reseller, 'example.org', true],
    ['a reseller, the domain of another', reseller, 'example.net', false],
    ['a domain owner, their domain', owner, 'example.com', true],
    ['a domain owner, a sub-domain that is not theirs', owner, 'sub.example.com', false],
    ['a domain owner, a domain that ends like theirs', owner, 'anexample.com', false],
    ['an extra admin, the domain of their owner', extraAdmin, 'example.com', true],
    ['somebody without domains', { ...owner, domains: new Set<string>() }, 'example.com', false],
    [
      'somebody without permissions: routes check those',
      { ...owner, may: new Set<Permission>() },
      'example.com',
      true,
    ],
  ])('%s', (_name, viewer, domain, expected) => {
    expect(maySee(viewer, domain)).toBe(expected);
  });
});

describe('mayBrand', () => {
  const server = { kind: 'server' } as const;
  const resellerNamed = (name: string) => ({ kind: 'reseller', name }) as const;
  const domainNamed = (name: string) => ({ kind: 'domain', name }) as const;

  test.each([
    ["a master admin, the server's", master, server, true],
    ["a master admin, a reseller's", master, resellerNamed('rita'), true],
    ["a master admin, a domain's", master, domainNamed('example.net'), true],
    ["a reseller, the server's", reseller, server, false],
    ['a reseller, their own', reseller, resellerNamed('rita'), true],
    ["a reseller, another's", reseller, resellerNamed('rob'), false],
    ["a reseller, their domain's", reseller, domainNamed('example.org'), true],
    ["a reseller, another's domain's", reseller, domainNamed('example.net'), false],
    ["a domain owner, the server's", owner, server, false],
    ['a domain owner, that of a reseller of their name', owner, resellerNamed('olga'), false],
    ["a domain owner, their domain's", owner, domainNamed('example.com'), false],
    ["an extra admin, their domain's", extraAdmin, domainNamed('example.com'), false],
  ] as const)('%s', (_name, viewer, brandingOwner, expected) => {
    expect(mayBrand(viewer, brandingOwner)).toBe(expected);
  });
});

describe('mayWriteMail', () => {
  const expected: Readonly<Record<ViewerRole, boolean>> = {
    'master-admin': true,
    reseller: true,
    'domain-owner': false,
    'extra-admin': false,
    'mailbox-owner': false,
  };

  test.each(viewerRoles)('%s', (role) => {
    expect(mayWriteMail({ ...master, role })).toBe(expected[role]);
  });
});
