import type { RequestHandler } from 'express';
import { languageFor, pageTexts } from '../../texts/page-texts';
import type { Languages } from '../../texts/languages';

/** Sets the page texts in the viewer's language: the panel's, or standalone the browser's. */
export function language(languages: Languages): RequestHandler {
  const texts = new Map(languages.all.map((one) => [one.code, pageTexts(one)]));
  return (request, response, next) => {
    const { panelLanguage } = response.locals;
    const accepted = request.get('Accept-Language') === undefined ? [] : request.acceptsLanguages();
    const wanted = panelLanguage === undefined ? accepted : [panelLanguage];
    const found = texts.get(languageFor(wanted, languages).code);
    if (found !== undefined) response.locals.t = found;
    next();
  };
}
