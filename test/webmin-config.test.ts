import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { defaultPolicy } from '../src/domain/policy';
import { parseSettings, settingKeys } from '../src/settings/settings-file';
import { parseTexts } from '../src/texts/languages';
import { english } from './helpers/languages';

const folder = join(__dirname, '..', 'src', 'webmin');
const read = (file: string) => parseTexts(readFileSync(join(folder, file), 'utf8'));
const info = read('config.info');

/** What is for the panel's side alone: where the service is, and the settings of single domains in one. */
const ofThePanel = ['socket', 'by_domain'];

const withoutSections = (form: ReadonlyMap<string, string>) =>
  [...form].filter(([, text]) => !text.endsWith(',11')).map(([key]) => key);

describe("the module's configuration", () => {
  test('has every key of the settings file, and no other', () => {
    expect(withoutSections(info).sort()).toEqual([...settingKeys, ...ofThePanel].sort());
    expect([...read('config').keys()].sort()).toEqual([...settingKeys, ...ofThePanel].sort());
  });

  test('is the default policy as it comes', () => {
    const own = [...read('config')].filter(([key]) => !ofThePanel.includes(key));
    const { general, byDomain } = parseSettings(
      own.map((pair) => pair.join('=')).join('\n'),
      english.say,
    );
    const { branding, ...policy } = general;
    const { branding: standard, ...standardPolicy } = defaultPolicy;
    expect(policy).toEqual(standardPolicy);
    expect({ ...branding, paper: null }).toEqual(standard);
    expect(byDomain.size).toBe(0);
  });

  test('has help for each key', () => {
    for (const key of withoutSections(info)) {
      expect([key, existsSync(join(folder, 'help', `config_${key}.html`))]).toEqual([key, true]);
    }
  });

  test.each(readdirSync(folder).filter((file) => file.startsWith('config.info.')))(
    '%s has the same keys, of the same kinds',
    (file) => {
      const translated = read(file);
      expect([...translated.keys()]).toEqual([...info.keys()]);
      for (const [key, text] of translated) {
        // What a field is, and the values that it can have, but not their labels.
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

  test('no label has a comma, which would end it', () => {
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

test.each(readdirSync(join(folder, 'help')))(
  'the help page %s is one as Webmin has them',
  (file) => {
    const text = readFileSync(join(folder, 'help', file), 'utf8');
    expect(text).toMatch(/^<header>[^<]+<\/header>\n[^]+\n<footer>\n$/);
    expect(text).not.toMatch(/[^\x20-\x7e\n]/);
  },
);
