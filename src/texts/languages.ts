import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyValueLines } from './key-value';

/** The texts of one language. */
export interface Texts {
  /** BCP 47, as in `lang`: the name of its file. */
  readonly code: string;
  /** The name of the language in the language itself. */
  readonly name: string;
  /** The text of a key; the English one where this language lacks it. Throws where English does too. */
  readonly text: (key: string) => string;
}

/** All languages, English first. */
export interface Languages {
  readonly all: readonly Texts[];
  /** Null where there is no such language. */
  readonly find: (code: string) => Texts | null;
  readonly english: Texts;
}

const original = 'en';

/**
 * Reads a folder of texts in Webmin's format: one file per language, with a line `key=text` for each text;
 * `#` begins a comment line. Each file in the folder is a language.
 */
export function readLanguages(folder: string): Languages {
  const english = parseTexts(readFileSync(join(folder, original), 'utf8'));
  const others = readdirSync(folder)
    .filter((file) => file !== original && /^[a-z]{2,3}(-[A-Za-z]+)*$/.test(file))
    .sort();
  const all = [original, ...others].map((code): Texts => {
    const own = code === original ? english : parseTexts(readFileSync(join(folder, code), 'utf8'));
    const text = (key: string) => {
      const found = own.get(key) ?? english.get(key);
      if (found === undefined) throw new Error(`no text for ${key}`);
      return found;
    };
    return { code, name: text('language_name'), text };
  });
  const [first] = all;
  if (first === undefined) throw new Error(`no texts in ${folder}`);
  return { all, english: first, find: (code) => all.find((one) => one.code === code) ?? null };
}

/** The keys and texts of one file. */
export function parseTexts(file: string): ReadonlyMap<string, string> {
  return new Map(
    keyValueLines(file).flatMap(({ key, value }) => (value === null ? [] : [[key, value]])),
  );
}
