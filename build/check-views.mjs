// Checks the views, which Prettier cannot format: it does not read EJS, and the plugin for it fails on conditional attributes and
// on partials that open an element which another one closes.
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ejs from 'ejs';

const root = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..', 'views');
const problems = [];

for (const name of (await readdir(root, { recursive: true })).sort()) {
  if (!name.endsWith('.ejs')) continue;
  const path = join(root, name);
  const text = await readFile(path, 'utf8');
  const problem = (line, words) => void problems.push(`${path}:${line}: ${words}`);
  text.split('\n').forEach((line, index) => {
    if (line.includes('\t')) problem(index + 1, 'a tab');
    if (/\s$/.test(line)) problem(index + 1, 'white space at the end of the line');
  });
  if (!text.endsWith('\n')) problem(1, 'no line feed at the end of the file');
  try {
    ejs.compile(text, { client: true });
  } catch (error) {
    problem(1, error.message);
  }
}

for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
