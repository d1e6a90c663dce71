import { join } from 'node:path';
import { readableDomainName } from '../domain/domain-name';
import { otherReadableAddress } from '../domain/email-address';
import express, { type Express } from 'express';
import type { Dependencies } from '../dependencies';
import { byRole } from '../domain/client-settings';
import { isUnreadable, loginIsEmailAddress } from '../domain/mailbox';
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
import { needsNothing } from './access';
import { noOwnMailbox, ownMailbox } from './middleware/own-mailbox';
import { onlyViewer } from './middleware/viewer';
import { answersRoutes } from './routes/answers';
import { brandingRoutes } from './routes/branding';
import { dateTime } from './date-time';
import { checkRoutes } from './routes/check';
import { discoveryRoutes } from './routes/discovery';
import { domainsRoutes } from './routes/domains';
import { ownLinks } from './links';
import { standaloneLook } from './look';
import { mailboxRoutes } from './routes/mailbox';
import { mailboxFilesRoutes } from './routes/mailbox-files';
import { mailboxesRoutes } from './routes/mailboxes';
import { sendRoutes } from './routes/send';
import { sheetFilesRoutes } from './routes/sheet-files';
import { serversRoutes } from './routes/servers';
import { sheetsRoutes } from './routes/sheets';
import { tryLoginRoutes } from './routes/try-login';
import { pageTexts } from '../texts/page-texts';
import { viewEngine } from './views';

/** Every page and file, in the order in which their paths are compared. */
const routers = [
  domainsRoutes,
  brandingRoutes,
  sheetsRoutes,
  sheetFilesRoutes,
  sendRoutes,
  checkRoutes,
  serversRoutes,
  answersRoutes,
  tryLoginRoutes,
  discoveryRoutes,
  mailboxesRoutes,
  mailboxRoutes,
  mailboxFilesRoutes,
];

export function createApp(dependencies: Dependencies): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('view cache');
  app.set('views', dependencies.views);
  app.set('view engine', 'ejs');
  app.engine('ejs', viewEngine(dependencies.views));
  const { demo, versions, entry } = dependencies;
  const checked = { endpointName, brokenWords, dayOf };
  const worked = {
    byRole,
    loginIsEmailAddress,
    isUnreadable,
    otherReadableAddress,
    ...checked,
  };
  const shared = {
    look: standaloneLook,
    links: ownLinks,
    words,
    dateTime,
    readableDomainName,
    demo,
    versions,
  };
  Object.assign(app.locals, shared, worked, { t: pageTexts(dependencies.languages.english) });

  app.use(requestLog(dependencies.log, dependencies.now));
  app.use(securityHeaders(entry.kind));
  app.get('/healthz', needsNothing(), (_request, response) => {
    response.type('text/plain').send('ok\n');
  });
  if (entry.kind === 'panel') app.use(panelViewer());
  app.use(language(dependencies.languages));
  if (entry.kind === 'panel') app.use(ownMailbox(), panelFacts(entry.facts));
  else app.use(accessToken(entry.token), onlyViewer(entry));
  app.use(forms());
  app.use('/assets/fonts', assets(dependencies.fonts));
  app.use('/assets', assets(join(dependencies.views, 'assets')));
  for (const routesOf of routers) app.use(routesOf(dependencies));
  app.use(() => {
    throw notFound();
  });
  app.use(noOwnMailbox());
  app.use(errorHandler(dependencies.log, dependencies.now));
  return app;
}

/** Serves assets. They hold no data, so browsers may store them, and revalidate them each time. */
function assets(folder: string) {
  return express.static(folder, {
    cacheControl: false,
    setHeaders: (response) => response.set('Cache-Control', 'private, no-cache'),
  });
}
