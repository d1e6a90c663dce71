import type { Response } from 'express';
import type { Viewer } from '../domain/viewer';
import type { PageTexts } from '../texts/page-texts';
import { ownLinks, type Links } from './links';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- Express is extended this way.
  namespace Express {
    /** What middleware leaves for the routes and views of one request. */
    interface Locals {
      viewer?: Viewer;
      /** The page texts in the viewer's language. */
      t?: PageTexts;
      /** Absent where the app is a site of its own. */
      links?: Links;
      /** In the panel: what a form must send back. */
      formToken?: string;
      /** In the panel: its language for this viewer; '' where it names none. */
      panelLanguage?: string;
      /** In the panel: makes the answer a part of the panel's page, with this title. */
      embed?: (title: string) => void;
    }
  }
}

/** The viewer who sent the request. Throws where no middleware has let anybody in. */
export function viewerOf({ locals }: Response): Viewer {
  if (locals.viewer === undefined) throw new Error('no viewer: the route is before the entrance');
  return locals.viewer;
}

/** The page texts in the viewer's language; English where the request failed before it was known. */
export function textsOf({ locals, app }: Response): PageTexts {
  const t = locals.t ?? app.locals.t;
  if (t === undefined) throw new Error('no texts: the app was not made by createApp');
  return t;
}

/** The app's addresses as the sender of the request has them. */
export function linksOf({ locals }: Response): Links {
  return locals.links ?? ownLinks;
}
