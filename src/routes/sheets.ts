import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { Router, type Request, type Response } from 'express';
import type { Services } from '../app';
import { decideClientSettings, type ClientSettings } from '../domain/client-settings';
import type { DomainUsers, Mailbox } from '../domain/mailbox';
import { selectMailboxes } from '../domain/mailbox-list';
import { policyFor } from '../domain/policy';
import { settingsFingerprint } from '../formats/fingerprint';
import { badRequest, notFound } from '../middleware/http-error';
import { domainOf, repeated, single } from './query';
import { patienceOf, valueOrWaiting } from './show';

/** The printable sheets: one mailbox a page. Never from an answer that is not fresh. */
export function sheetsRoutes({ directory, policies, now }: Services): Router {
  const router = Router();

  async function sheets(request: Request, response: Response, logins: readonly string[]) {
    const domain = domainOf(request);
    const look = await directory.lookAtFreshDomain(domain, patienceOf(request));
    const page = { title: `Setup sheets · ${domain}`, what: `the mailboxes of ${domain}` };
    const there = valueOrWaiting(look, request, response, page, now());
    if (there === null) return;
    const { server, users } = there.value;
    const policy = policyFor(policies, domain);
    const all = chosen(users, logins).map((mailbox) =>
      decideClientSettings(mailbox, server, policy),
    );
    await stream(response, page.title, all, there.freshness.asOf);
  }

  router.get('/domains/:domain/sheets', async (request, response) => {
    const logins = repeated(request, 'login');
    if (logins.length === 0 && single(request, 'selected') === '1') {
      throw badRequest('Tick the mailboxes to print first, or use "Print all".');
    }
    await sheets(request, response, logins);
  });

  router.get('/domains/:domain/mailboxes/:login/sheet', async (request, response) => {
    await sheets(request, response, [request.params.login]);
  });

  return router;
}

/** The mailboxes with these logins, or all where none is named, by address. Throws a 404 for one that is not there. */
function chosen(users: DomainUsers, logins: readonly string[]): readonly Mailbox[] {
  const everyone = selectMailboxes(users, {
    search: '',
    onlyDiffering: false,
    sort: 'address',
    descending: false,
  });
  if (everyone.length === 0) throw notFound(`${users.domain} has no mailboxes.`);
  if (logins.length === 0) return everyone;
  const wanted = new Set(logins);
  const found = everyone.filter(({ login }) => wanted.delete(login));
  const [missing] = wanted;
  if (missing !== undefined) {
    throw notFound(`${users.domain} has no mailbox with the user name "${missing}".`);
  }
  return found;
}

/** A page of thousands of sheets is written piece by piece, and others get their turn in between. */
async function stream(
  response: Response,
  title: string,
  all: readonly ClientSettings[],
  asOf: number,
): Promise<void> {
  const render = (view: string, locals: object) =>
    new Promise<string>((resolve, reject) => {
      response.render(view, locals, (error: Error | null, html) => {
        if (error === null) resolve(html);
        else reject(error);
      });
    });
  async function* pieces() {
    yield await render('sheets/top', { title, count: all.length });
    for (const settings of all) {
      const fingerprint = settingsFingerprint(settings);
      yield await render('sheets/sheet', { settings, fingerprint, asOf });
      await setImmediate();
    }
    yield await render('sheets/bottom', {});
  }
  response.type('html');
  await pipeline(Readable.from(pieces()), response);
}
