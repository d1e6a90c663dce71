import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** The folders of src/ from the innermost outward. A folder imports only from folders in rows above its own. */
const folders = [
  ['domain', 'demo'],
  ['texts', 'cache', 'network', 'guides'],
  ['formats', 'signing', 'virtualmin'],
  ['mail', 'probe', 'discovery'],
  ['settings'],
  ['branding', 'panel', 'answers'],
  ['web'],
];

/** Forbids files to import from folders, with `import` and with `import()`. */
function without(files, names) {
  const message = 'Dependencies point inward: see eslint.config.mjs.';
  return {
    files,
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: `^\\..*/(${names.join('|')})/`, message }] },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: `ImportExpression[source.value=/^\\..*\\u002F(${names.join('|')})\\u002F/]`,
          message,
        },
      ],
    },
  };
}

const inward = [
  ...folders.slice(0, -1).flatMap((row, rank) =>
    row.map((folder) =>
      without(
        [`src/${folder}/**/*.ts`],
        folders
          .slice(rank)
          .flat()
          .filter((one) => one !== folder),
      ),
    ),
  ),
  // src/web imports this file.
  without(['src/dependencies.ts'], ['web']),
];

export default tseslint.config(
  { ignores: ['node_modules', 'build/dist', 'build/stage'] },
  js.configs.recommended,
  {
    files: ['src/**/*.ts', 'test/**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-console': 'error',
    },
  },
  ...inward,
  {
    files: ['**/*.mjs', 'test/bench/**/*.ts', 'test/clients/**/*.ts'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        fetch: 'readonly',
        URL: 'readonly',
        AbortController: 'readonly',
      },
    },
    rules: { 'no-console': 'off' },
  },
  {
    files: ['views/assets/*.js'],
    languageOptions: {
      sourceType: 'script',
      globals: {
        document: 'readonly',
        navigator: 'readonly',
        window: 'readonly',
        location: 'readonly',
        fetch: 'readonly',
        FormData: 'readonly',
        DOMParser: 'readonly',
        setTimeout: 'readonly',
        setInterval: 'readonly',
        Date: 'readonly',
      },
    },
  },
  {
    files: ['views/assets/mailbox-list.js', 'views/assets/sheet-progress.js'],
    languageOptions: {
      sourceType: 'module',
      globals: {
        AbortController: 'readonly',
        ResizeObserver: 'readonly',
        URL: 'readonly',
        URLSearchParams: 'readonly',
        getComputedStyle: 'readonly',
        history: 'readonly',
        sessionStorage: 'readonly',
      },
    },
  },
);
