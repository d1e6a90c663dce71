import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@jest/globals';

const packages = pathToFileURL(join(__dirname, '..', '..', 'build', 'packages.mjs')).href;

/** Files of a bundle, each with the files that it imports. */
type Files = Readonly<Record<string, readonly string[]>>;

function undeclared(files: Files, folders: readonly string[], dependencies: readonly string[]) {
  const inputs = Object.fromEntries(
    Object.entries(files).map(([file, paths]) => [
      file,
      { imports: paths.map((path) => ({ path })) },
    ]),
  );
  const declared = Object.fromEntries(dependencies.map((name) => [name, '1.0.0']));
  const values = [{ inputs }, folders, declared].map((value) => JSON.stringify(value)).join(', ');
  const program = `import { undeclared } from '${packages}'; console.log(JSON.stringify(undeclared(${values})));`;
  const node = [process.execPath, ['--input-type=module', '-e', program]] as const;
  return JSON.parse(String(execFileSync(...node))) as unknown;
}

test.each<[string, Files, string[], string[], string[]]>([
  ['the project itself', { 'src/a.ts': ['src/b.ts', 'node:fs'], 'src/b.ts': [] }, [], [], []],
  ['a dependency', { 'src/a.ts': ['node_modules/one/index.js'] }, [], ['one'], []],
  ['a package of a scope', { 'src/a.ts': ['node_modules/@x/one/lib/a.js'] }, [], ['@x/one'], []],
  [
    'another of that scope',
    { 'src/a.ts': ['node_modules/@x/two/a.js'] },
    [],
    ['@x/one'],
    ['@x/two'],
  ],
  ['one that is missing', { 'src/a.ts': ['node_modules/one/index.js'] }, [], ['two'], ['one']],
  [
    'what a dependency depends on',
    {
      'src/a.ts': ['node_modules/one/index.js'],
      'node_modules/one/index.js': [
        'node_modules/two/index.js',
        'node_modules/one/node_modules/three/a.js',
      ],
    },
    [],
    ['one'],
    [],
  ],
  [
    'fonts',
    {},
    ['node_modules/@fonts/sans', 'node_modules/@fonts/mono'],
    ['@fonts/sans'],
    ['@fonts/mono'],
  ],
])(
  '%s: packages in the bundle that are not declared',
  (_name, files, folders, dependencies, expected) => {
    const found = undeclared(files, folders, dependencies) as { name: string }[];
    expect(found.map(({ name }) => name)).toEqual(expected);
  },
);

test('the message names the file that imports an undeclared package', () => {
  expect(undeclared({ 'src/a.ts': ['node_modules/one/index.js'] }, [], [])).toEqual([
    { name: 'one', file: 'src/a.ts' },
  ]);
});
