import { join } from 'node:path';
import { domainToUnicode } from 'node:url';
import express, { type Express } from 'express';
import type { Logger } from 'pino';
import { byRole } from '../domain/client-settings';
import { isBroken, loginIsEmailAddress } from '../domain/mailbox';
import { brokenWords, dayOf, endpointName } from '../formats/check-words';
import * as words from '../formats/words';
import { accessToken } from './middleware/access-token';
import { errorHandler } from './middleware/error-handler';
import { forms } from './middleware/form';
import { notFound } from './http-error';
import { requestLog } from './middleware/request-log';
import { securityHeaders } from './middleware/security-headers';
import { language } from './middleware/language';
import { panelFacts, panelViewer } from './middleware/panel';
import { onlyIfMay, onlyOwnDomains, onlyViewer } from './middleware/viewer';
import { brandingRoutes } from './routes/branding';
import { dateTime } from './date-time';
import { checkRoutes } from './routes/check';
import { discoveryRoutes } from './routes/discovery';
import { domainsRoutes } from './routes/domains';
import { ownLinks } from './links';
import { mailboxRoutes } from './routes/mailbox';
import { mailboxFilesRoutes } from './routes/mailbox-files';
import { mailboxesRoutes } from './routes/mailboxes';
import { sendRoutes } from './routes/send';
import { sheetFilesRoutes } from './routes/sheet-files';
import { sheetsRoutes } from './routes/sheets';
import type { DiscoveryOptions } from '../discovery/discover';
import type { Viewer } from '../domain/viewer';
import type { MailTransport } from '../mail/mailer';
import { pageTexts } from '../texts/page-texts';
import type { PanelFacts } from '../panel/panel-facts';
import type { Policies } from '../branding/policies';
import type { Probes } from '../probe/probes';
import type { SignerFiles } from '../signing/profile-signer';
import type { Languages } from '../texts/languages';
import { viewEngine } from './views';
import type { ServerVersions } from '../virtualmin/client';
import type { Directory } from '../virtualmin/directory';

/** Who is let in. */
export type Entry =
  /** Whoever has the token, as this viewer. */
  | { readonly kind: 'token'; readonly token: string; readonly viewer: Viewer }
  /** The panel, which says with each request who is looking. */
  | { readonly kind: 'panel'; readonly facts: PanelFacts };

/** What the app needs from outside. */
export interface Services {
  readonly directory: Directory;
  readonly policies: Policies;
  /** What Apple's profiles are signed with; null where they are not. */
  readonly profileSigner: SignerFiles | null;
  /** What asks the mail ports; null where nothing does. */
  readonly probes: Probes | null;
  /** How it is looked up what clients find by themselves; null where it is not. */
  readonly discovery: DiscoveryOptions | null;
  /** What sheets are sent by mail through, where the policy says from whom. */
  readonly mailTransport: MailTransport;
  readonly languages: Languages;
  readonly entry: Entry;
  /** Whether the directory is the demo's. */
  readonly demo: boolean;
  /** What is known of the server asked so far. */
  readonly versions: () => ServerVersions;
  /** The folder of the EJS files and, below `assets`, of what browsers load. */
  readonly views: string;
  /** The folder of the fonts of sheets. */
  readonly fonts: string;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function createApp(services: Services): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('view cache');
  app.set('views', services.views);
  app.set('view engine', 'ejs');
  app.engine('ejs', viewEngine(services.views));
  const { demo, versions, entry } = services;
  const checked = { endpointName, brokenWords, dayOf };
  const worked = { byRole, loginIsEmailAddress, isBroken, ...checked };
  const shared = { links: ownLinks, words, dateTime, domainToUnicode, demo, versions };
  Object.assign(app.locals, shared, worked, { t: pageTexts(services.languages.english) });

  app.use(requestLog(services.log, services.now));
  app.use(securityHeaders(entry.kind));
  app.get('/healthz', (_request, response) => {
    response.type('text/plain').send('ok\n');
  });
  if (entry.kind === 'panel') app.use(panelViewer());
  app.use(language(services.languages));
  if (entry.kind === 'panel') app.use(panelFacts(entry.facts));
  else app.use(accessToken(entry.token), onlyViewer(entry));
  app.use(forms());
  app.use('/assets/fonts', assets(services.fonts));
  app.use('/assets', assets(join(services.views, 'assets')));
  app.use('/domains/:domain', onlyOwnDomains());
  app.use(sheetPaths, onlyIfMay('print'));
  app.use(checkPaths, onlyIfMay('check'));
  app.use(domainsRoutes(services));
  app.use(brandingRoutes(services));
  app.use(sheetsRoutes(services));
  app.use(sheetFilesRoutes(services));
  app.use(sendRoutes(services));
  app.use(checkRoutes(services));
  app.use(discoveryRoutes(services));
  app.use(mailboxesRoutes(services));
  app.use(mailboxRoutes(services));
  app.use(mailboxFilesRoutes(services));
  app.use(() => {
    throw notFound();
  });
  app.use(errorHandler(services.log, services.now));
  return app;
}

/** Whatever makes a sheet. */
const sheetPaths = [
  /^\/domains\/[^/]+\/(?:sheets(?:\.\w+)?|jobs)(?=\/|$)/,
  /^\/domains\/[^/]+\/mailboxes\/[^/]+\/(?:sheet(?:\.\w+)?|send)$/,
];

/** Whatever asks mail servers something. */
const checkPaths = [
  /^\/servers(?:\.csv)?$/,
  /^\/domains\/[^/]+\/(?:check|discovery)(?:\.json)?$/,
  /^\/domains\/[^/]+\/mailboxes\/[^/]+\/(?:try|discovery(?:\.json)?)$/,
];

/** What browsers load beside a page. It holds no data, so it may be kept, and is asked about each time. */
function assets(folder: string) {
  return express.static(folder, {
    cacheControl: false,
    setHeaders: (response) => response.set('Cache-Control', 'private, no-cache'),
  });
}
