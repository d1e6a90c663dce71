import { join } from 'node:path';
import { pageTexts } from '../../src/page-texts';
import { readLanguages } from '../../src/texts';

export const languages = readLanguages(join(__dirname, '..', '..', 'src', 'webmin', 'lang'));

/** As pages say it in English. */
export const english = pageTexts(languages.english);
