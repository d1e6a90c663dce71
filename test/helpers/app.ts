import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import pino from 'pino';
import request from 'supertest';
import { createApp } from '../../src/web/app';
import { BrandingStore } from '../../src/branding/branding-store';
import type { VirtualminConfig } from '../../src/virtualmin/client';
import { permissions, type Viewer } from '../../src/domain/viewer';
import type { DiscoveryOptions } from '../../src/discovery/discover';
import type { MailSender } from '../../src/domain/policy';
import type { MailTransport } from '../../src/mail/mailer';
import { PanelFacts } from '../../src/panel/panel-facts';
import type { Probes } from '../../src/probe/probes';
import { Policies } from '../../src/branding/policies';
import type { SignerFiles } from '../../src/signing/profile-signer';
import { policiesOf } from './settings';
import type { Languages } from '../../src/texts/languages';
import { createVirtualminClient } from '../../src/virtualmin/client';
import { Directory } from '../../src/virtualmin/directory';
import { languages } from './languages';
import { startVirtualmin, type TestVirtualmin } from './virtualmin';

const root = join(__dirname, '..', '..');

export const views = join(root, 'views');

/** The sender of sheets and the mail transport. */
export interface MailConfig {
  readonly from: MailSender;
  readonly transport: MailTransport;
}

/** Made by the build. */
export const fonts = join(root, 'build', 'dist', 'fonts');

export const masterAdmin: Viewer = {
  user: 'root',
  role: 'master-admin',
  domains: 'all',
  may: new Set(permissions),
};

export const accessToken = 'token-for-the-tests';

export interface TestApp {
  readonly app: ReturnType<typeof createApp>;
  readonly virtualmin: TestVirtualmin;
  /** The app's current time, in milliseconds. */
  readonly clock: { now: number };
  /** The viewer of all requests. */
  readonly viewer: { is: Viewer };
  /** A GET with the access token. */
  readonly get: (path: string) => request.Test;
  /** A POST with the access token. */
  readonly post: (path: string) => request.Test;
  /** Everything logged so far. */
  readonly logged: () => string;
  readonly close: () => void;
}

/** The real app with a test clock and its own test Virtualmin. */
export async function startApp(
  options: {
    settings?: string;
    config?: Partial<VirtualminConfig>;
    demo?: boolean;
    /** Entry as through the panel's socket; tests send its headers themselves. */
    panel?: boolean;
    profileSigner?: SignerFiles;
    mail?: MailConfig;
    probes?: Probes;
    discovery?: DiscoveryOptions;
    /** A folder for brandings. */
    brandings?: string;
    texts?: Languages;
  } = {},
): Promise<TestApp> {
  const virtualmin = await startVirtualmin();
  const entry = { kind: 'token' as const, token: accessToken, viewer: masterAdmin };
  const viewer = {
    get is() {
      return entry.viewer;
    },
    set is(one: Viewer) {
      entry.viewer = one;
    },
  };
  const clock = { now: Date.UTC(2026, 10, 24, 19, 40) };
  const now = () => clock.now;
  const lines: string[] = [];
  const log = new PassThrough().on('data', (line) => lines.push(String(line)));
  const client = createVirtualminClient(virtualmin.config(options.config), now);
  const facts = new PanelFacts();
  const { name, address } = options.mail?.from ?? { name: '', address: '' };
  const mailFrom = address === '' ? '' : `mail_from=${name} <${address}>`;
  const settings = policiesOf(`${options.settings ?? ''}\n${mailFrom}`);
  const app = createApp({
    directory: new Directory(client, now),
    policies: new Policies(
      options.panel === true ? facts.policies : () => settings,
      options.brandings === undefined
        ? null
        : new BrandingStore(
            options.brandings,
            languages.all.map(({ code }) => code),
          ),
    ),
    profileSigner: options.profileSigner ?? null,
    entry: options.panel === true ? { kind: 'panel', facts } : entry,
    demo: options.demo ?? false,
    versions: client.versions,
    mailTransport: options.mail?.transport ?? { kind: 'sendmail', path: '/nowhere' },
    probes: options.probes ?? null,
    discovery: options.discovery ?? null,
    languages: options.texts ?? languages,
    views,
    fonts,
    log: pino(log),
    now,
  });
  const bearer = `Bearer ${accessToken}`;
  return {
    app,
    virtualmin,
    clock,
    viewer,
    get: (path) => request(app).get(path).set('Authorization', bearer),
    post: (path) => request(app).post(path).set('Authorization', bearer),
    logged: () => lines.join(''),
    close: () => {
      virtualmin.close();
    },
  };
}
