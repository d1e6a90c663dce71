import type { Request, RequestHandler, Response } from 'express';
import type { PanelFacts } from '../../panel/panel-facts';
import { isText, parseHeader } from '../../panel/panel-header';
import { parseViewer } from '../../panel/panel-viewer';
import { linksAt } from '../links';
import { panelLook } from '../look';
import { message } from '../../texts/message';
import { forbidden, HttpError } from '../http-error';
import { viewerOf } from '../locals';

/** The request header with the viewer. */
export const viewerHeader = 'Mail-Setup-Viewer';

/** The request header with the module's configuration and the panel's certificate. */
export const factsHeader = 'Mail-Setup-Panel';

/** The response header that marks a page fragment for the panel's page. Its value is the title, percent-encoded. */
const titleHeader = 'Mail-Setup-Title';

/** The response header with the line below the title, percent-encoded: a domain or an address. Absent if there is none. */
const subtitleHeader = 'Mail-Setup-Subtitle';

/** The response header with the name of the page's help page. */
const helpHeader = 'Mail-Setup-Help';

/** The response header with an entry for the panel's log of actions. */
const actionHeader = 'Mail-Setup-Action';

/**
 * Accepts requests of the panel. Their viewer is trusted because only the panel can open the socket. Pages
 * become fragments of the panel's page, and links lead through the panel.
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
    locals.look = panelLook;
    locals.embed = (title, subtitle, help) => {
      response.set(titleHeader, encodeURIComponent(title));
      if (subtitle !== '') response.set(subtitleHeader, encodeURIComponent(subtitle));
      response.set(helpHeader, help);
    };
    next();
  };
}

/** Passes the panel's configuration to `facts`, and refuses viewers without the permission `see`. */
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

/** Actions in the panel's log; each has a text `log_…` in the language files. */
export type Action = 'sheets' | 'pdf' | 'file' | 'send' | 'branding' | 'try';

/** Sets the entry for the panel's log, with the values of its text. Standalone, nothing reads it. */
export function recordAction(
  response: Response,
  action: Action,
  values: Readonly<Record<string, string>>,
): void {
  if (response.locals.embed === undefined) return;
  response.set(actionHeader, `${action}?${new URLSearchParams(values).toString()}`);
}
