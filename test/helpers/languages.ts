import { join } from 'node:path';
import { pageTexts } from '../../src/texts/page-texts';
import { readLanguages } from '../../src/texts/languages';

export const languages = readLanguages(join(__dirname, '..', '..', 'src', 'webmin', 'lang'));

/** Translates as English pages do. */
export const english = pageTexts(languages.english);
