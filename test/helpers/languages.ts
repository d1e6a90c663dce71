import { join } from 'node:path';
import { pageTexts } from '../../src/texts/page-texts';
import { readLanguages } from '../../src/texts/languages';

export const languages = readLanguages(join(__dirname, '..', '..', 'src', 'webmin', 'lang'));

/** As pages say it in English. */
export const english = pageTexts(languages.english);
