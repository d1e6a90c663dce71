import { Buffer } from 'node:buffer';
import { inflateSync } from 'node:zlib';

// The font files of sheets, from their npm packages: Latin, Greek and Cyrillic for all text, Hebrew and
// Arabic for names.
const all = ['latin', 'latin-ext', 'greek', 'greek-ext', 'cyrillic', 'cyrillic-ext', 'vietnamese'];

const families = [
  { name: 'noto-sans', subsets: all, weights: [400, 700] },
  { name: 'source-code-pro', subsets: all, weights: [700] },
  { name: 'noto-sans-hebrew', subsets: ['hebrew'], weights: [400] },
  { name: 'noto-sans-arabic', subsets: ['arabic'], weights: [400] },
];

/** Paths below node_modules. */
export const fontFiles = families.flatMap(({ name, subsets, weights }) =>
  subsets.flatMap((subset) =>
    weights.map((weight) => `@fontsource/${name}/files/${name}-${subset}-${weight}-normal.woff`),
  ),
);

/** Whether the sheets in a browser use the file; the other files are for PDFs only. */
export const isForBrowsers = (file) => /\/(noto-sans|source-code-pro)-latin-\d/.test(file);

/**
 * Converts a WOFF file (W3C, WOFF 1.0) to the font inside it: each PDF opens the fonts again, and
 * decompression would take most of that time.
 */
export function unpacked(woff) {
  const count = woff.readUInt16BE(12);
  const header = Buffer.alloc(12 + 16 * count);
  woff.copy(header, 0, 4, 8);
  const power = 2 ** Math.floor(Math.log2(count));
  header.writeUInt16BE(count, 4);
  header.writeUInt16BE(power * 16, 6);
  header.writeUInt16BE(Math.log2(power), 8);
  header.writeUInt16BE((count - power) * 16, 10);
  const tables = [];
  let offset = header.length;
  for (let index = 0; index < count; index++) {
    const entry = 44 + 20 * index;
    const [from, packed, length] = [4, 8, 12].map((at) => woff.readUInt32BE(entry + at));
    const data = woff.subarray(from, from + packed);
    const table = packed < length ? inflateSync(data) : data;
    const at = 12 + 16 * index;
    woff.copy(header, at, entry, entry + 4);
    woff.copy(header, at + 4, entry + 16, entry + 20);
    header.writeUInt32BE(offset, at + 8);
    header.writeUInt32BE(length, at + 12);
    tables.push(table, Buffer.alloc(-length & 3));
    offset += length + (-length & 3);
  }
  return Buffer.concat([header, ...tables]);
}
