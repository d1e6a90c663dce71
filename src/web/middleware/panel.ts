import type { Request, RequestHandler, Response } from 'express';
import type { PanelFacts } from '../../panel/panel-facts';
import { isText, parseHeader } from '../../panel/panel-header';
import { parseViewer } from '../../panel/panel-viewer';
import { linksAt } from '../links';
import { message } from '../../texts/message';
import { forbidden, HttpError } from '../http-error';
import { viewerOf } from '../locals';

/** The header in which the panel says who is looking. */
export const viewerHeader = 'Mail-Setup-Viewer';

/** The header in which the panel says how it is set up. */
export const factsHeader = 'Mail-Setup-Panel';

/** The header in which a page that is to stand inside the panel's own says its title, percent-encoded. */
const titleHeader = 'Mail-Setup-Title';

/** The header in which we tell the panel what to write into its log of actions. */
const actionHeader = 'Mail-Setup-Action';

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
  const { settings, certificate } = parseHeader(request.get(factsHeader) ?? '');
  if (!isText(settings)) throw forbidden('error_panel_facts');
  const problem = facts.adopt(settings, isText(certificate) ? certificate : null);
  if (problem !== null) {
    throw new HttpError(500, message('error_settings'), message('error_settings_do'), problem);
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
  if (response.locals.embed === undefined) return;
  response.set(actionHeader, `${action}?${new URLSearchParams(values).toString()}`);
}
