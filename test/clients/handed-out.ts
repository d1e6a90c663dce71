import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startedWith } from '../helpers/start';
import { jsonAnswer, userValues } from '../helpers/virtualmin';
import type { Attempt, Settings } from './client';
import { mailboxes, type BenchMailbox } from './mailboxes';

/** Gets a path of the app. */
export type Get = (path: string) => Promise<string>;

/** What the app hands out for a mailbox. */
export type HandedOut = Pick<Attempt, 'settings' | 'autoconfig' | 'text'>;

export async function handedOut(get: Get, { domain, login }: BenchMailbox): Promise<HandedOut> {
  // The app hands out settings as it has seen the ports, once they are checked.
  await get(`/domains/${domain}/check.json`);
  const path = `/domains/${domain}/mailboxes/${encodeURIComponent(login)}`;
  return {
    settings: JSON.parse(await get(`${path}/settings.json`)) as Settings,
    autoconfig: await get(`${path}/autoconfig.xml`),
    text: await get(`${path}/settings.txt`),
  };
}

/** The same with the e-mail address as user name, as if somebody had taken it for the login. */
export function withAddress({ settings, autoconfig, text }: HandedOut): HandedOut {
  const { login, emailAddress } = settings;
  return {
    settings: { ...settings, login: emailAddress },
    autoconfig: autoconfig.replaceAll(
      `<username>${login}</username>`,
      `<username>${emailAddress}</username>`,
    ),
    text: text.replaceAll(login, emailAddress),
  };
}

/** The built app, with a Virtualmin that lists the mailboxes of the bench. */
export async function startApp(): Promise<Get> {
  const domains = [...new Set(mailboxes.map(({ domain }) => domain))].map((name) => ({
    name,
    values: { features: ['mail'], type: ['Top-level server'] },
  }));
  const virtualmin = createServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://localhost').searchParams;
    const asked = query.get('domain');
    response.end(
      query.get('program') === 'list-domains'
        ? JSON.stringify({
            status: 'success',
            data: domains.filter(({ name }) => asked === null || asked === name),
          })
        : jsonAnswer(...mailboxes.filter(({ domain }) => domain === asked).map(asUser)),
    );
  }).listen(0, '127.0.0.1');
  await once(virtualmin, 'listening');
  const { port } = virtualmin.address() as AddressInfo;
  const { env, args } = startedWith();
  const token = 'token-of-the-clients';
  const app = spawn(process.execPath, args, {
    env: {
      ...env,
      PORT: '0',
      ACCESS_TOKEN: token,
      LOG_LEVEL: 'warn',
      VIRTUALMIN_URL: `http://127.0.0.1:${port}`,
      VIRTUALMIN_USER: 'api',
      VIRTUALMIN_PASSWORD: 'secret',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(app.stdout, 'data')) as [Buffer];
  const base = new URL(/http:\S+/.exec(String(line))?.[0] ?? '').origin;
  return async (path) => {
    const response = await fetch(base + path, { headers: { Authorization: `Bearer ${token}` } });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text}`);
    return text;
  };
}

function asUser({ domain, emailAddress, login, owner }: BenchMailbox) {
  const [name = ''] = emailAddress.split('@');
  return userValues({
    domain,
    unix_username: login,
    user: name,
    email_address: emailAddress,
    real_name: `${name} Example`,
    user_type: owner === true ? 'Server owner' : 'Normal user',
  });
}
