// The font files of sheets, from the packages that bring them: Latin, Greek and Cyrillic for
// everything, and two more scripts for names.
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
