import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { settings } from '../src/settings/settings';
import { parseTexts } from '../src/texts/languages';
import { readTable } from '../src/settings/setting';
import { port, yesNo } from '../src/settings/values';
import { languages } from './helpers/languages';

const folder = join(__dirname, '..', 'src', 'webmin');
const read = (file: string) => parseTexts(readFileSync(join(folder, file), 'utf8'));
const info = read('config.info');

/** Keys that the panel does not pass to the app, from facts-lib.pl. */
const ofThePanel = (
  /panel_only = .*qw\((.*)\)/.exec(readFileSync(join(folder, 'facts-lib.pl'), 'utf8'))?.[1] ?? ''
).split(' ');

const keys = [...Object.keys(settings), ...ofThePanel].sort();

const withoutSections = (form: ReadonlyMap<string, string>) =>
  [...form].filter(([, text]) => !text.endsWith(',11')).map(([key]) => key);

describe("the module's configuration", () => {
  test('has every key of the settings file, and no other', () => {
    expect(withoutSections(info).sort()).toEqual(keys);
    expect([...read('config').keys()].sort()).toEqual(keys);
  });

  test('has the defaults of the settings table', () => {
    const given = read('config');
    const { values, problems } = readTable(settings, (key) => given.get(key));
    expect([...problems]).toEqual([]);
    const standard = readTable(settings, () => undefined).values;
    // The form has no choice for "not set".
    expect({ ...values, sheet_paper: null }).toEqual(standard);
    expect(given.get('by_domain')).toBe('');
  });

  test.each(Object.entries(settings))('has a suitable field for %s', (key, setting) => {
    const [, kind = '', ...options] = (info.get(key) ?? '').split(',');
    const chosen = options.map((option) => option.replace(/-[^-]*$/, '')).sort();
    if (setting.choices !== null) {
      expect([kind, chosen]).toEqual(['1', [...setting.choices].sort()]);
    } else if (setting.parse === yesNo) {
      expect([kind, chosen]).toEqual(['1', ['0', '1']]);
    } else if (setting.parse === port) {
      expect([kind, options]).toEqual(['0', ['6']]);
    } else if (key === 'sheet_language') {
      const codes = languages.all.map(({ code }) => (code === 'en' ? '' : code));
      expect([kind, chosen]).toEqual(['4', codes.sort()]);
    } else {
      // If the setting is optional, so is the field: Webmin shows a label instead of a value.
      expect([key, kind]).toEqual([key, setting.default === null ? '3' : '0']);
    }
  });

  test.each(readdirSync(folder).filter((file) => file.startsWith('config.info.')))(
    '%s has the same keys, with the same types',
    (file) => {
      const translated = read(file);
      expect([...translated.keys()]).toEqual([...info.keys()]);
      for (const [key, text] of translated) {
        // The field's type and possible values, without the labels.
        const shape = (whole = '') =>
          whole
            .split(',')
            .slice(1)
            .map((part) => part.replace(/-.*/, ''));
        const kind = shape(text)[0];
        expect([key, kind]).toEqual([key, shape(info.get(key))[0]]);
        if (kind === '1' || kind === '4') expect(shape(text)).toEqual(shape(info.get(key)));
      }
    },
  );

  test('no label contains a comma, which would end it', () => {
    for (const file of readdirSync(folder).filter((name) => name.startsWith('config.info'))) {
      for (const [key, text] of read(file)) {
        expect([file, key, text.split(',')[1]]).toEqual([
          file,
          key,
          expect.stringMatching(/^(0|1|3|4|9|11)$/),
        ]);
      }
    }
  });
});
