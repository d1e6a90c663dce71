// The licences of all bundled packages: most require their text to be distributed with the code.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageFolder } from './packages.mjs';

/**
 * Returns one text with the name, version and licence of each package in esbuild's metafile and in
 * `folders`, sorted by name.
 */
export async function licences(metafile, folders) {
  const bundled = Object.keys(metafile.inputs)
    .map(packageFolder)
    .filter((folder) => folder !== null);
  const parts = [];
  for (const folder of [...new Set([...bundled, ...folders])].sort()) {
    const about = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    const file = (await readdir(folder)).find((name) => /^(licen[cs]e|copying)/i.test(name));
    const text = file === undefined ? '' : await readFile(join(folder, file), 'utf8');
    const kind = about.license ?? about.licenses?.map(({ type }) => type).join(', ') ?? 'see below';
    parts.push(`${about.name} ${about.version} (${kind})\n\n${text.trim()}\n`);
  }
  return parts.join(`\n${'-'.repeat(72)}\n\n`);
}
