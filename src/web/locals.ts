import type { Response } from 'express';
import type { Viewer } from '../domain/viewer';
import type { PageTexts } from '../texts/page-texts';
import { ownLinks, type Links } from './links';
import type { Look } from './look';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- Express is extended this way.
  namespace Express {
    /** Values that middleware sets for the routes and views of one request. */
    interface Locals {
      viewer?: Viewer;
      /** The page texts in the viewer's language. */
      t?: PageTexts;
      /** Absent in standalone operation. */
      links?: Links;
      /** Whether the viewer is a mailbox owner, whose pages have no links to others and no buttons. */
      ownMailbox?: boolean;
      /** In the panel: the token that a form must contain (CSRF). */
      formToken?: string;
      /** In the panel: the viewer's language; '' where the panel sends none. */
      panelLanguage?: string;
      /**
       * In the panel: marks the answer as content of the panel's page, which prints the title, below it
       * the subtitle ('' for none), and a link to the help page: the name of a file in src/webmin/help.
       */
      embed?: (title: string, subtitle: string, help: string) => void;
      /** In the panel: the CSS classes of its own tables, buttons and messages. */
      look?: Look;
    }
  }
}

/** The viewer who sent the request. Throws where no middleware has set one. */
export function viewerOf({ locals }: Response): Viewer {
  if (locals.viewer === undefined)
    throw new Error('no viewer: the route comes before the middleware that sets it');
  return locals.viewer;
}

/** The page texts in the viewer's language; English where the request failed before the language was known. */
export function textsOf({ locals, app }: Response): PageTexts {
  const t = locals.t ?? app.locals.t;
  if (t === undefined) throw new Error('no texts: the app was not made by createApp');
  return t;
}

/** Whether the viewer is a mailbox owner, who sees only their own mailbox. */
export function isMailboxOwner({ locals }: Pick<Response, 'locals'>): boolean {
  return locals.ownMailbox === true;
}

/** The app's URLs for this request: in the panel or standalone. */
export function linksOf({ locals }: Response): Links {
  return locals.links ?? ownLinks;
}
