import { afterEach, describe, expect, test } from '@jest/globals';
import { parseSnapshot, type Snapshot } from '../../../src/answers/snapshot';
import { masterAdmin, startApp, type TestApp } from '../../helpers/app';

let app: TestApp;

afterEach(() => {
  app.close();
});

async function snapshotWith(settings: string): Promise<{ text: string; snapshot: Snapshot }> {
  app = await startApp({ settings });
  const { text } = await app.get('/answers.json').expect(200).expect('Content-Type', /json/);
  return { text, snapshot: parseSnapshot(text) };
}

describe('the snapshot for the answer service', () => {
  test('is empty by default, and Virtualmin is asked for no users', async () => {
    const { snapshot } = await snapshotWith('');
    expect([...snapshot.domains]).toEqual([]);
    expect(app.virtualmin.requests.filter((one) => one.get('program') === 'list-users')).toEqual(
      [],
    );
  });

  test('has the domains that the settings choose, with logins, and without names and secrets', async () => {
    const { text, snapshot } = await snapshotWith(
      'client_answers@example.com=login\nclient_answers@dash.example=address\n',
    );
    expect([...snapshot.domains.keys()].sort()).toEqual(['dash.example', 'example.com']);
    const domain = snapshot.domains.get('example.com');
    expect(domain?.loginOf('bob')).toBe('bob.example');
    expect(domain?.loginOf('postmaster')).toBe('example');
    expect(domain?.incoming.map(({ host, port }) => `${host}:${port}`)).toEqual([
      'mail.example.com:143',
      'mail.example.com:993',
      'mail.example.com:110',
      'mail.example.com:995',
    ]);
    expect(snapshot.domains.get('dash.example')?.answers).toBe('address');
    // Of a domain that gives only addresses it has no logins.
    expect(text).not.toContain('dash-kim');
    expect(snapshot.takenAt).toBe(app.clock.now);
    // Real names and passwords of the recordings.
    for (const hidden of ['Müller', 'Example Ltd', 'encrypted', '$6$', '$y$', '"password"']) {
      expect(text).not.toContain(hidden);
    }
  });

  test('has no domain that is disabled or without mail, and alias domains with their target', async () => {
    const { snapshot } = await snapshotWith('client_answers=login');
    const names = [...snapshot.domains.keys()];
    expect(names).toContain('example.net');
    expect(names).not.toContain('gone.example');
    expect(names).not.toContain('nomail.example');
    // example.net is an alias of example.com.
    const alias = snapshot.domains.get('example.net');
    expect(alias?.loginOf('zoe')).toBe(snapshot.domains.get('example.com')?.loginOf('zoe'));
    expect(alias?.incoming).toEqual(snapshot.domains.get('example.com')?.incoming);
  });

  test('is for master admins', async () => {
    app = await startApp({ settings: 'client_answers=login' });
    const domains = new Set(['example.com']);
    app.viewer.is = { ...masterAdmin, user: 'example', role: 'domain-owner', domains };
    await app.get('/answers.json').expect(403);
  });

  test('fails as a whole if the users cannot be read: the last one stays', async () => {
    app = await startApp({ settings: 'client_answers=login' });
    app.virtualmin.override = (query, response) =>
      query.has('all-domains') ? response.end('{"status":"failure"}') : false;
    const { status, text } = await app.get('/answers.json');
    expect(status).toBeGreaterThanOrEqual(500);
    expect(text).not.toContain('takenAt');
  });
});
