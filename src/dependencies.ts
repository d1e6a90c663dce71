import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { BrandingStore } from './branding/branding-store';
import { Policies } from './branding/policies';
import type { DiscoveryOptions } from './discovery/discover';
import { permissions, type Viewer } from './domain/viewer';
import type { MailTransport } from './mail/mailer';
import { PanelFacts } from './panel/panel-facts';
import { Probes } from './probe/probes';
import type { Config } from './settings/config';
import { followSettingsFile } from './settings/follow-settings-file';
import type { SignerFiles } from './signing/profile-signer';
import type { Languages } from './texts/languages';
import { pageTexts } from './texts/page-texts';
import {
  createVirtualminClient,
  type ServerVersions,
  type VirtualminConfig,
} from './virtualmin/client';
import type { Noise } from './virtualmin/answer';
import { Directory } from './virtualmin/directory';
import { readInThread } from './virtualmin/read-in-thread';
import type { Trust } from './virtualmin/trust';

/** How requests are authenticated. */
export type Entry =
  /** Standalone: every request with the token has this viewer. */
  | { readonly kind: 'token'; readonly token: string; readonly viewer: Viewer }
  /** In the panel, which sends the viewer with each request. */
  | { readonly kind: 'panel'; readonly facts: PanelFacts };

/** What the app needs from outside. */
export interface Dependencies {
  readonly directory: Directory;
  readonly policies: Policies;
  /** Certificate and key for signing Apple's profiles; null where they are not signed. */
  readonly profileSigner: SignerFiles | null;
  /** The checks of mail ports; null where they are not checked. */
  readonly probes: Probes | null;
  /** Options for the check of automatic setup; null where it is not checked. */
  readonly discovery: DiscoveryOptions | null;
  /** The mail server that sends sheets, where the policy has a sender. */
  readonly mailTransport: MailTransport;
  readonly languages: Languages;
  readonly entry: Entry;
  /** Whether the directory is the demo's. */
  readonly demo: boolean;
  /** The server's versions as far as the answers so far show them. */
  readonly versions: () => ServerVersions;
  /** The folder of the EJS files; its folder `assets` holds the files that browsers load. */
  readonly views: string;
  /** The folder of the fonts of sheets. */
  readonly fonts: string;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Milliseconds that the demo takes for its domain of 5,000 mailboxes; a real server takes 15 s. */
const demoDelay = 4_000;

/** The viewer for requests with the access token. */
const admin: Viewer = {
  user: 'admin',
  role: 'master-admin',
  domains: 'all',
  may: new Set(permissions),
};

/**
 * Creates the app's dependencies from the configuration. `folder` is the bundle's, with views, fonts and
 * recordings. `accessToken` is required of requests over TCP.
 */
export async function makeDependencies(
  config: Config,
  accessToken: string,
  folder: string,
  languages: Languages,
  log: Logger,
): Promise<Dependencies> {
  const demo = config.virtualmin === null;
  const virtualmin = config.virtualmin ?? (await startDemo(join(folder, 'recordings')));
  const facts = config.listen.kind === 'tcp' ? null : new PanelFacts();
  const client = createVirtualminClient(
    virtualmin,
    Date.now,
    () => trustIn(virtualmin, facts),
    readInThread(join(folder, 'answer-thread.mjs')),
    noiseLog(log),
  );
  const { policies, settingsFile } = config;
  const { say } = pageTexts(languages.english);
  const ownSettings =
    settingsFile === null ? () => policies : followSettingsFile(settingsFile, policies, say, log);
  return {
    directory: new Directory(client),
    policies: new Policies(facts?.policies ?? ownSettings, brandingStore(config, languages)),
    mailTransport: config.mailTransport,
    // The demo's hosts do not exist.
    probes: demo ? null : new Probes(),
    discovery: demo ? null : {},
    profileSigner: config.profileSigner,
    entry:
      facts === null
        ? { kind: 'token', token: accessToken, viewer: admin }
        : { kind: 'panel', facts },
    demo,
    versions: () => client.versions(),
    languages,
    views: join(folder, 'views'),
    fonts: join(folder, 'fonts'),
    log,
    now: Date.now,
  };
}

/** Logs text around Virtualmin's answers, once for each place in Virtualmin that writes it, and not what it says. */
export function noiseLog(log: Pick<Logger, 'warn'>): (call: string, noise: Noise) => void {
  const logged = new Set<string | null>();
  return (call, { lines, place }) => {
    if (logged.has(place)) return;
    logged.add(place);
    log.warn({ call, lines, place }, "text around Virtualmin's answer is ignored");
  };
}

/** Trusts the certificate in the configuration, or else the panel's current one, which the panel sends. */
function trustIn({ trust }: VirtualminConfig, facts: PanelFacts | null): Trust {
  const sha256 = facts?.certificate() ?? null;
  if (trust.kind !== 'system-roots' || sha256 === null) return trust;
  return { kind: 'fingerprint', sha256, source: "the panel's configuration" };
}

/** Null where brandings cannot be saved. The demo's are deleted when it ends. */
function brandingStore(
  { brandingFolder, virtualmin }: Config,
  languages: Languages,
): BrandingStore | null {
  const codes = languages.all.map(({ code }) => code);
  if (brandingFolder !== null) return new BrandingStore(brandingFolder, codes);
  if (virtualmin !== null) return null;
  const folder = mkdtempSync(join(tmpdir(), 'mail-setup-demo-'));
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  return new BrandingStore(folder, codes);
}

/** Starts a replayed Virtualmin in this process, and returns how to reach it over HTTP. */
async function startDemo(recordings: string): Promise<VirtualminConfig> {
  const { startReplayServer } = await import('./demo/replay-server');
  const user = 'demo';
  const password = randomBytes(18).toString('base64url');
  const { url } = await startReplayServer({
    recordings,
    user,
    password,
    bigDomainDelay: demoDelay,
  });
  const trust = { kind: 'system-roots' } as const;
  return { url, user, password, format: 'json', trust, timeout: 120_000 };
}
