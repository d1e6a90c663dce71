import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import bidiFactory from 'bidi-js';
import * as fontkit from 'fontkit';
import { LRUCache } from 'lru-cache';

/** The typefaces: normal text, bold text, and text that users type letter by letter. */
export type Face = 'sans' | 'bold' | 'mono';

/** A part of a line in one font, in the order on the paper. */
export interface Run {
  readonly text: string;
  /** The name under which the document knows the font. */
  readonly font: string;
  /** In units of the font's size. */
  readonly width: number;
}

/** Files of each face, the most common characters first. */
const subsets = [
  'latin',
  'latin-ext',
  'greek',
  'cyrillic',
  'greek-ext',
  'cyrillic-ext',
  'vietnamese',
];
const names = ['noto-sans-hebrew-hebrew-400-normal', 'noto-sans-arabic-arabic-400-normal'];
const faces: Readonly<Record<Face, readonly string[]>> = {
  sans: [...subsets.map((subset) => `noto-sans-${subset}-400-normal`), ...names],
  bold: [...subsets.map((subset) => `noto-sans-${subset}-700-normal`), ...names],
  mono: [...subsets.map((subset) => `source-code-pro-${subset}-700-normal`), ...names],
};

/** Replaces characters that no font has. */
const substitute = '[…]';

/** Limit for the texts in the cache of widths, and for those in the cache of runs. */
const maxCachedTexts = 5_000;

/** Limit for the words of a font in the cache of glyph runs, some 2 KB each: enough for a sheet with all guides. */
const maxCachedWords = 500;

const bidi = bidiFactory();
const rightToLeft = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFE]/;

/** The fonts in a folder, each opened when first needed, and the widths of texts in them. */
export class Fonts {
  private readonly opened = new Map<string, fontkit.Font>();
  private readonly wordsOf = new Map<string, LRUCache<string, object>>();
  private readonly fontOf: Readonly<Record<Face, Map<number, string | null>>> = {
    sans: new Map(),
    bold: new Map(),
    mono: new Map(),
  };
  private readonly widths = new Map<string, number>();
  private readonly runsOf = new Map<string, readonly Run[]>();

  constructor(private readonly folder: string) {}

  /** A font that `runs` has named (TrueType). */
  open(font: string): fontkit.Font {
    const known = this.opened.get(font);
    if (known !== undefined) return known;
    const opened = fontkit.create(readFileSync(join(this.folder, `${font}.ttf`)));
    if (!('layout' in opened)) throw new Error(`${font} is a collection of fonts`);
    this.opened.set(font, opened);
    return opened;
  }

  /** PDFKit's glyph runs of words in a font, cached for all documents. */
  words(font: string): LRUCache<string, object> {
    const known = this.wordsOf.get(font) ?? new LRUCache<string, object>({ max: maxCachedWords });
    this.wordsOf.set(font, known);
    return known;
  }

  /** Whether the fonts have every character of a text. */
  has(text: string, face: Face): boolean {
    return Array.from(text).every(
      (character) => isInvisible(character) || this.find(character, face) !== null,
    );
  }

  /** Whether the fonts have any letter of a text. */
  hasAnyLetter(text: string, face: Face): boolean {
    const letters = Array.from(text).filter((character) => /\p{L}/u.test(character));
    return letters.length === 0 || letters.some((character) => this.find(character, face) !== null);
  }

  /**
   * Splits a line into runs, from left to right on the paper (Unicode Bidirectional Algorithm). The
   * line itself runs from left to right. Letters that no font has become `[…]`.
   */
  runs(line: string, face: Face): readonly Run[] {
    return this.known(this.runsOf, face, line, () =>
      visualOrder(this.drawable(line, face)).flatMap((piece) => this.split(piece, face)),
    );
  }

  /** The width of a text in units of its size. */
  width(text: string, face: Face): number {
    return this.known(this.widths, face, text, () =>
      this.split(this.drawable(text, face), face).reduce((sum, run) => sum + run.width, 0),
    );
  }

  /** Caches results: most texts are the same on every sheet. */
  private known<T>(of: Map<string, T>, face: Face, text: string, work: () => T): T {
    const key = `${face} ${text}`;
    const found = of.get(key);
    if (found !== undefined) return found;
    const made = work();
    if (of.size >= maxCachedTexts) of.clear();
    of.set(key, made);
    return made;
  }

  private drawable(text: string, face: Face): string {
    let drawn = '';
    let missing = false;
    for (const character of text) {
      if (isInvisible(character)) continue;
      if (this.find(character, face) !== null) {
        drawn += character;
        missing = false;
      } else {
        if (!missing) drawn += substitute;
        missing = true;
      }
    }
    return drawn;
  }

  private split(text: string, face: Face): Run[] {
    const runs: { text: string; font: string }[] = [];
    for (const character of text) {
      const last = runs.at(-1);
      // Joiners and combining marks stay in the font of their letters if it has them.
      const font = this.find(character, face, last?.font) ?? '';
      if (last?.font === font) last.text += character;
      else runs.push({ text: character, font });
    }
    return runs.map((run) => ({ ...run, width: this.widthIn(run.text, run.font) }));
  }

  private widthIn(text: string, font: string): number {
    const file = this.open(font);
    return file.layout(text).advanceWidth / file.unitsPerEm;
  }

  private find(character: string, face: Face, before?: string): string | null {
    const code = character.codePointAt(0) ?? 0;
    if (
      before !== undefined &&
      /[\p{M}\p{P}\p{Zs}]/u.test(character) &&
      this.open(before).hasGlyphForCodePoint(code)
    ) {
      return before;
    }
    const known = this.fontOf[face].get(code);
    if (known !== undefined) return known;
    const found = faces[face].find((font) => this.open(font).hasGlyphForCodePoint(code)) ?? null;
    this.fontOf[face].set(code, found);
    return found;
  }
}

/** Pieces of a line that read in one direction, as they follow on the paper. */
function visualOrder(line: string): string[] {
  if (!rightToLeft.test(line)) return [line];
  const levels = bidi.getEmbeddingLevels(line, 'ltr');
  const pieces: { text: string; level: number }[] = [];
  for (let index = 0; index < line.length; index++) {
    const level = levels.levels[index] ?? 0;
    const last = pieces.at(-1);
    if (last?.level === level) last.text += line.charAt(index);
    else pieces.push({ text: line.charAt(index), level });
  }
  // UAX #9, L2, on pieces: the letters of a right-to-left piece are turned by the font's shaping.
  const highest = Math.max(...pieces.map(({ level }) => level));
  for (let level = highest; level > 0; level--) {
    for (let from = 0; from < pieces.length; from++) {
      let to = from;
      while ((pieces[to]?.level ?? -1) >= level) to++;
      if (to > from) pieces.splice(from, to - from, ...pieces.slice(from, to).reverse());
      from = Math.max(from, to);
    }
  }
  return pieces.map(({ text }) => text);
}

/** Variation selectors, joiners and marks of direction: nothing to draw by themselves. */
function isInvisible(character: string): boolean {
  return /[\uFE00-\uFE0F\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/.test(character);
}
