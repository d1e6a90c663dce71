import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createAnswerApp } from '../../src/answers/answer-app';
import { parseSnapshot } from '../../src/answers/snapshot';
import { startedWith } from '../helpers/start';
import { jsonAnswer, userValues } from '../helpers/virtualmin';
import type { Attempt, Settings } from './client';
import { byExtraAddress, mailboxes, type BenchMailbox } from './mailboxes';

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

/** The answer service, with a snapshot of the app. */
export async function startAnswers(get: Get): Promise<RequestListener> {
  const snapshot = parseSnapshot(await get('/answers.json'));
  return createAnswerApp({
    snapshot: () => snapshot,
    key: Buffer.alloc(32),
    limits: { perNetwork: Infinity, inAll: Infinity },
    log: { error: console.error },
    now: Date.now,
  });
}

/** The built app, with a Virtualmin that lists the mailboxes of the bench. The folder is for its settings. */
export async function startApp(folder: string): Promise<Get> {
  const settings = join(folder, 'settings');
  writeFileSync(settings, 'client_answers=login\n');
  const domains = [...new Set(mailboxes.map(({ domain }) => domain))].map((name) => ({
    name,
    values: { id: ['1'], features: ['mail'], type: ['Top-level server'] },
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
        : jsonAnswer(
            ...mailboxes
              .filter(({ domain }) => query.has('all-domains') || domain === asked)
              .map(asUser),
          ),
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
      MAIL_SETUP_CONFIG: settings,
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
    extra_addresses: login === byExtraAddress.login ? byExtraAddress.emailAddress : '',
    user_type: owner === true ? 'Server owner' : 'Normal user',
  });
}
