import type { Request, RequestHandler, Response } from 'express';
import { isDomainName } from '../../domain/domain-name';
import { permissions, type Viewer, type ViewerRole } from '../../domain/viewer';
import type { PanelFacts } from '../../panel/panel-facts';
import { linksAt } from '../links';
import { SettingsError } from '../../settings/settings-file';
import { said } from '../../texts/message';
import { forbidden, HttpError } from '../http-error';
import { viewerOf } from './viewer';

/** The header in which the panel says who is looking. */
export const viewerHeader = 'Mail-Setup-Viewer';

/** The header in which the panel says how it is set up. */
export const factsHeader = 'Mail-Setup-Panel';

/** The header in which a page that is to stand inside the panel's own says its title, percent-encoded. */
const titleHeader = 'Mail-Setup-Title';

/** The header in which we tell the panel what to write into its log of actions. */
const actionHeader = 'Mail-Setup-Action';

/** Who is looking, and where the panel has us. */
export interface PanelViewer extends Viewer {
  /** The address of the module's `index.cgi`, behind which every page of ours is. */
  readonly pages: string;
  /** The address of the module's folder of assets. */
  readonly assets: string;
  /** What a form has to bring along, so that it is one of ours and of this login. */
  readonly token: string;
  /** As the panel names it, such as `fr` or `fr.UTF-8`; '' where it names none. */
  readonly language: string;
}

/** Characters: 128 bits as hex. */
const shortestToken = 32;

const roles: readonly string[] = ['master-admin', 'reseller', 'domain-owner', 'extra-admin'];

/**
 * Reads what the panel says of a viewer: Base64 of a JSON object with `user`, `role`, `domains` (`"*"`
 * or a list of names), `may` (a list of permissions), `pages`, `assets`, `token` and, if it will,
 * `language`. Null where it is anything else.
 */
export function parseViewer(header: string | undefined): PanelViewer | null {
  const given = parse(header ?? '');
  const { user, role, domains, may, pages, assets, token, language } = given;
  const known =
    isText(user) &&
    user !== '' &&
    isText(role) &&
    roles.includes(role) &&
    isPath(pages) &&
    isPath(assets) &&
    isText(token) &&
    token.length >= shortestToken &&
    Array.isArray(may);
  if (!known) return null;
  const seen = domainsOf(domains);
  if (seen === null) return null;
  const granted: readonly unknown[] = may;
  return {
    user,
    role: role as ViewerRole,
    domains: seen,
    may: new Set(permissions.filter((one) => granted.includes(one))),
    pages,
    assets,
    token,
    language: isText(language) ? language : '',
  };
}

function parse(header: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(header, 'base64').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** A path on the panel's own host: two slashes at its beginning would be another one. */
function isPath(value: unknown): value is string {
  return isText(value) && /^\/(?!\/)[\w./~-]*$/.test(value);
}

function domainsOf(value: unknown): Viewer['domains'] | null {
  if (value === '*') return 'all';
  if (!Array.isArray(value)) return null;
  const names: unknown[] = value;
  return new Set(
    names
      .filter(isText)
      .filter(isDomainName)
      .map((name) => name.toLowerCase()),
  );
}

/**
 * Lets in what the panel sends over a socket that it alone can open; the socket is what makes the
 * viewer true. Pages become what stands inside the panel's page, and links lead through the panel.
 */
export function panelViewer(): RequestHandler {
  return (request, response, next) => {
    const viewer = parseViewer(request.get(viewerHeader));
    if (viewer === null) throw forbidden('error_panel_viewer');
    const { locals } = response;
    locals.viewer = viewer;
    locals.formToken = viewer.token;
    locals.panelLanguage = viewer.language;
    locals.links = linksAt(viewer);
    locals.embed = (title: string) => void response.set(titleHeader, encodeURIComponent(title));
    next();
  };
}

/** Tells `facts` how the panel is set up now, and keeps out whom a master admin has kept out. */
export function panelFacts(facts: PanelFacts): RequestHandler {
  return (request, response, next) => {
    adopt(facts, request);
    if (!viewerOf(response).may.has('see')) throw forbidden('error_may_not_see');
    next();
  };
}

function adopt(facts: PanelFacts, request: Request): void {
  const { settings, certificate } = parse(request.get(factsHeader) ?? '');
  if (!isText(settings)) throw forbidden('error_panel_facts');
  try {
    facts.adopt(settings, isText(certificate) ? certificate : null);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    throw new HttpError(500, said('error_settings'), said('error_settings_do'), error.message);
  }
}

/** What is done, for the panel's log; each has a text `log_…` in the language files. */
export type Action = 'sheets' | 'pdf' | 'file' | 'send' | 'branding' | 'try';

/** Tells the panel what this answer does, with the values of the action's text. On its own nobody asks. */
export function recordAction(
  response: Response,
  action: Action,
  values: Readonly<Record<string, string>>,
): void {
  const { embed } = response.locals as { embed?: unknown };
  if (embed === undefined) return;
  response.set(actionHeader, `${action}?${new URLSearchParams(values).toString()}`);
}
