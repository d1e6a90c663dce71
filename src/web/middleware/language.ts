import type { RequestHandler, Response } from 'express';
import { languageFor, pageTexts, type PageTexts } from '../../texts/page-texts';
import type { Languages } from '../../texts/languages';

/** Gives pages the texts of the viewer's language: the panel's where it says one, else the browser's. */
export function language(languages: Languages): RequestHandler {
  const texts = new Map(languages.all.map((one) => [one.code, pageTexts(one)]));
  return (request, response, next) => {
    const { panelLanguage } = response.locals as { panelLanguage?: string };
    const accepted = request.get('Accept-Language') === undefined ? [] : request.acceptsLanguages();
    const wanted = panelLanguage === undefined ? accepted : [panelLanguage];
    response.locals.t = texts.get(languageFor(wanted, languages).code);
    next();
  };
}

/** The texts of the pages that answer a request: English where it failed before its language was known. */
export function textsOf(response: Response): PageTexts {
  return (response.locals.t ?? response.app.locals.t) as PageTexts;
}
