/** The folder of the package that a file belongs to, below the project's own folder; null for the project's own files. */
export function packageFolder(path) {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? null;
}

/**
 * Takes esbuild's metafile, further folders of packages that are shipped, and the `dependencies` of package.json.
 * Gives the names of packages that the project's own code uses and that are missing there, each with a file that uses it.
 */
export function undeclared(metafile, folders, dependencies) {
  const used = new Map(folders.map((folder) => [folder, 'build/fonts.mjs']));
  for (const [file, { imports }] of Object.entries(metafile.inputs)) {
    if (packageFolder(file) !== null) continue;
    for (const { path } of imports) {
      const folder = packageFolder(path);
      if (folder !== null && !used.has(folder)) used.set(folder, file);
    }
  }
  return [...used]
    .map(([folder, file]) => ({ name: folder.replace(/^.*node_modules\//, ''), file }))
    .filter(({ name }) => dependencies[name] === undefined);
}
