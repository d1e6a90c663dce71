import type { Router, Request, Response } from 'express';
import type { Dependencies } from '../../dependencies';
import { ChangedMeanwhileError, type BrandingStore } from '../../branding/branding-store';
import { maxLogoBytes, type Branding } from '../../domain/branding';
import { decideClientSettings } from '../../domain/client-settings';
import type { MailPolicy } from '../../domain/policy';
import { mayBrand, type BrandingOwner, type Viewer } from '../../domain/viewer';
import { clientIds, clientTitle, usualClients } from '../../formats/guides';
import { defaultMail } from '../../mail/mail-words';
import { forbidden, notFound } from '../http-error';
import { recordAction } from '../middleware/panel';
import { allowOwnPictures } from '../middleware/security-headers';
import { withBranding, type Policies } from '../../branding/policies';
import type { Message } from '../../texts/message';
import {
  brandingKeys,
  logoText,
  readBranding,
  type BrandingTexts,
} from '../../branding/read-branding';
import type { Links } from '../links';
import { sendLogo } from './logo';
import { domainOf, repeated, single } from '../query';
import { guard, needs, newRouter } from '../access';
import { linksOf, textsOf, viewerOf } from '../locals';

/** Limit for a reseller's name as it is written in a file name: file systems allow 255 bytes for the whole. */
const maxFileName = 200;

/** The branding that a request shows or changes, and the one that it builds on. */
interface Subject {
  readonly owner: BrandingOwner;
  readonly path: string;
  readonly above: MailPolicy;
  readonly store: BrandingStore;
}

/** The values of the form, and the problems with them. */
interface BrandingDraft {
  readonly texts: BrandingTexts;
  readonly branding: Branding;
  readonly problems: ReadonlyMap<string, Message>;
}

/** Whether a viewer has a branding page. */
export function mayBrandSomething(viewer: Viewer, { store }: Policies): boolean {
  const own = { kind: 'reseller', name: viewer.user } as const;
  return store !== null && (mayBrand(viewer, { kind: 'server' }) || mayBrand(viewer, own));
}

/**
 * `/branding`, `/branding/resellers/{reseller}` and `/domains/{domain}/branding`: the form for a branding,
 * with a preview; and the logo for the sheets.
 */
export function brandingRoutes(dependencies: Dependencies): Router {
  const { directory, policies, languages, log, now } = dependencies;
  const router = newRouter();
  const keys = brandingKeys(languages.all.map(({ code }) => code));

  /** Throws a 404 where brandings cannot be saved, and a 403. */
  const needsBranding = guard('branding', (viewer, request) => {
    storeOf(policies);
    if (!mayBrand(viewer, ownerOf(request))) throw forbidden('error_not_yours');
  });

  async function subjectOf(request: Request, response: Response): Promise<Subject> {
    const links = linksOf(response);
    const store = storeOf(policies);
    const owner = ownerOf(request);
    switch (owner.kind) {
      case 'domain': {
        const { reseller } = await directory.freshServer(owner.name);
        const path = links.domainBranding(owner.name);
        return { owner, path, above: await policies.above(owner, reseller), store };
      }
      case 'reseller': {
        const path = links.resellerBranding(owner.name);
        return { owner, path, above: await policies.above(owner, null), store };
      }
      case 'server':
        return { owner, path: links.branding(), above: await policies.above(owner, null), store };
    }
  }

  async function show(
    response: Response,
    { owner, path, above, store }: Subject,
    draft: BrandingDraft,
    state: { version: string; broken?: readonly Message[]; saved?: boolean; changed?: boolean },
  ) {
    const { sheetOf, qrPath } = await import('../../formats/sheet');
    const policy = withBranding(above, draft.branding);
    const { branding } = policy;
    const texts = languages.find(branding.language ?? '') ?? languages.english;
    const sheet = sheetOf(sampleSettings(owner, policy), branding, texts, now());
    const inherited = above.branding;
    const chosen = branding.clients ?? usualClients;
    allowOwnPictures(response);
    response.render('pages/branding', {
      owner,
      path,
      draft,
      ...{ broken: [], saved: false, changed: false, ...state },
      inherited,
      inheritedLanguage: (languages.find(inherited.language ?? '') ?? languages.english).name,
      languages: languages.all,
      clients: clientIds.map((id) => ({
        id,
        title: clientTitle(id, textsOf(response)),
        chosen: chosen.includes(id),
      })),
      logo: draft.branding.logo === null ? null : logoText(draft.branding.logo),
      mails: languages.all.map((one) => {
        const words = inherited.mail[one.code];
        const { subject, text } = defaultMail(one);
        const { code, name } = one;
        return { code, name, subject: words?.subject ?? subject, text: words?.text ?? text };
      }),
      others: owner.kind === 'server' ? await othersOf(store, linksOf(response)) : [],
      sheet,
      qrPath: qrPath(sheet.qr),
      logoUrl: branding.logo === null ? null : logoText(branding.logo),
      paper: branding.paper ?? 'a4',
      maxKilobytes: maxLogoBytes / 1024,
    });
  }

  /** Links on the page of the whole server: every reseller, and the domains with a saved branding. */
  async function othersOf(store: BrandingStore, links: Links) {
    const look = await directory.lookAtServers(0);
    const servers = look.kind === 'answer' ? look.answer.value : [];
    const owners = await store.owners();
    const named = (kind: string) =>
      owners.filter((one) => one.kind === kind).map(({ name }) => name);
    const resellers = new Set([
      ...servers.flatMap(({ reseller }) => reseller ?? []),
      ...named('reseller'),
    ]);
    return [
      ...[...resellers].sort().map((name) => ({ label: name, link: links.resellerBranding(name) })),
      ...named('domain').map((name) => ({ label: name, link: links.domainBranding(name) })),
    ];
  }

  async function get(request: Request, response: Response) {
    const subject = await subjectOf(request, response);
    const { texts, branding, version, problems } = await subject.store.read(subject.owner);
    const saved = single(request, 'saved') === '1';
    await show(
      response,
      subject,
      { texts, branding, problems: new Map() },
      { version, broken: problems, saved },
    );
  }

  async function post(request: Request, response: Response) {
    const subject = await subjectOf(request, response);
    const draft = await draftOf(request, keys);
    const version = single(request, 'version');
    if (single(request, 'action') === 'preview' || draft.problems.size > 0) {
      response.status(draft.problems.size > 0 ? 400 : 200);
      await show(response, subject, draft, { version });
      return;
    }
    try {
      await subject.store.write(subject.owner, draft.texts, version);
    } catch (error) {
      if (!(error instanceof ChangedMeanwhileError)) throw error;
      const current = await subject.store.read(subject.owner);
      response.status(409);
      await show(response, subject, draft, { version: current.version, changed: true });
      return;
    }
    const { owner } = subject;
    log.info({ user: viewerOf(response).user, branding: owner }, 'branding saved');
    recordAction(response, 'branding', { owner: owner.kind === 'server' ? '*' : owner.name });
    response.redirect(303, `${subject.path}?saved=1`);
  }

  router.get('/domains/:domain/logo', needs('see'), sendLogo(dependencies));
  // A reseller has a branding of their own instead of the server's.
  router.get('/branding', needs('see'), (_request, response, next) => {
    const { role, user } = viewerOf(response);
    if (role === 'reseller') response.redirect(303, linksOf(response).resellerBranding(user));
    else next();
  });
  for (const path of ['/branding', '/branding/resellers/:reseller', '/domains/:domain/branding']) {
    router.get(path, needsBranding, get);
    router.post(path, needsBranding, post);
  }
  return router;
}

/** Throws a 404 where brandings cannot be saved. */
function storeOf({ store }: Policies): BrandingStore {
  if (store === null) throw notFound('error_no_branding');
  return store;
}

/** The owner of the branding in a path. Throws a 400 or a 404 for an invalid name. */
function ownerOf(request: Pick<Request, 'params'>): BrandingOwner {
  const { domain, reseller } = request.params;
  if (domain !== undefined) return { kind: 'domain', name: domainOf(request) };
  if (typeof reseller !== 'string') return { kind: 'server' };
  const usable = /^[^\p{Cc}\s/]{1,64}$/u.test(reseller);
  if (!usable || encodeURIComponent(reseller).length > maxFileName) {
    throw notFound('error_not_user');
  }
  return { kind: 'reseller', name: reseller };
}

async function draftOf(request: Request, keys: readonly string[]): Promise<BrandingDraft> {
  const problems = new Map<string, Message>();
  const typed = (key: string): string => {
    if (key === 'sheet_clients') {
      if (single(request, 'own_clients') !== '1') return '';
      return repeated(request, 'client').join(' ') || 'none';
    }
    if (key === 'host_logo' && single(request, 'remove_logo') === '1') return '';
    return single(request, key).replaceAll('\r\n', '\n').trim();
  };
  const texts = Object.fromEntries(keys.map((key) => [key, typed(key)]));
  const { file } = request;
  if (file !== undefined && file.size > 0) {
    const { cleanLogo } = await import('../../branding/logo');
    const logo = cleanLogo(file.buffer);
    if ('value' in logo) texts.host_logo = logoText(logo.value);
    else problems.set('host_logo', logo.problem);
  }
  const read = await readBranding(texts);
  const { branding } = read;
  if (branding.logo !== null) texts.host_logo = logoText(branding.logo);
  return { texts, branding, problems: new Map([...problems, ...read.problems]) };
}

/** Settings of an invented mailbox, so that a preview needs no answer of Virtualmin. */
function sampleSettings(owner: BrandingOwner, policy: MailPolicy) {
  const domain = owner.kind === 'domain' ? owner.name : 'example.com';
  const [label = ''] = domain.split('.');
  return decideClientSettings(
    {
      login: `bob.${label}`,
      emailAddress: `bob@${domain}`,
      name: 'bob',
      realName: 'Bob Example',
      extraAddresses: [],
      delivery: { arrives: 'yes', forwardsTo: [] },
      recoveryAddress: null,
      disabled: false,
      passwordAccepted: true,
      owner: false,
      lastLogins: null,
    },
    {
      name: domain,
      description: '',
      reseller: null,
      relation: { kind: 'top-level' },
      mail: true,
      disabled: null,
    },
    policy,
  );
}
