import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { permissions, viewerRoles } from '../../src/domain/viewer';
import { parseViewer } from '../../src/panel/panel-viewer';

interface SentViewer {
  readonly user: string;
  readonly role: string;
  readonly domains: '*' | readonly string[];
  readonly may: readonly string[];
}

// test/perl/permissions.t compares the Perl side with the same file.
const fixture = JSON.parse(
  readFileSync(join(__dirname, '..', 'fixtures', 'permissions.json'), 'utf8'),
) as {
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
  readonly viewers: readonly SentViewer[];
  readonly userminRoles: readonly string[];
  readonly userminViewers: readonly SentViewer[];
};

const address = { pages: '/module/index.cgi', assets: '/module/assets', token: '0'.repeat(64) };

const parse = (viewer: object) =>
  parseViewer(Buffer.from(JSON.stringify({ ...viewer, ...address })).toString('base64'));

describe('TypeScript and Perl have the same roles and permissions', () => {
  test('roles', () => {
    expect([...viewerRoles]).toEqual([...fixture.roles, ...fixture.userminRoles]);
  });

  test('permissions', () => {
    expect([...permissions].sort()).toEqual([...fixture.permissions].sort());
  });

  test.each(
    [...fixture.viewers, ...fixture.userminViewers].map(
      (viewer) => [`${viewer.user}, ${viewer.role}`, viewer] as const,
    ),
  )('viewer: %s', (_name, viewer) => {
    expect(parse(viewer)).toEqual({
      ...address,
      user: viewer.user,
      role: viewer.role,
      domains: viewer.domains === '*' ? 'all' : new Set(viewer.domains),
      may: new Set(viewer.may),
      help: '',
      language: '',
    });
  });

  test('a permission that only one side knows is not granted', () => {
    const [viewer] = fixture.viewers;
    expect(parse({ ...viewer, may: [...fixture.permissions, 'other'] })?.may).toEqual(
      new Set(permissions),
    );
  });
});
