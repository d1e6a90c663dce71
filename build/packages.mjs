/** The folder of the package that a file belongs to; null for the project's own files. */
export function packageFolder(path) {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? null;
}

/**
 * Returns the packages that the project's own code imports (by esbuild's metafile) or ships (`folders`) and that are missing
 * in `dependencies` of package.json, each with a file that uses it.
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
