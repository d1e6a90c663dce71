// The style sheet inside the panel: it applies only to the app's own elements, in the panel's colours.
import { transform } from 'esbuild';

/** The colours are derived from the panel's text colour, so that they suit light and dark themes. */
const colours = `
  --ink: currentcolor;
  --quiet: currentcolor;
  --paper: transparent;
  --panel: color-mix(in srgb, currentcolor 7%, transparent);
  --line: color-mix(in srgb, currentcolor 30%, transparent);
  --link: currentcolor;
  --differ-ink: currentcolor;
  --differ: color-mix(in srgb, #e07b1c 18%, transparent);
  --error-ink: currentcolor;
  --error: color-mix(in srgb, #d0203a 18%, transparent);
`;

/** Against rules of themes for every code and label of a page. Those for tables are in the style sheet itself. */
const againstTheme = `
  code {
    padding: 0;
    border: 0;
    color: inherit;
    background: none;
    box-shadow: none;
    white-space: normal;
  }
  label {
    margin: 0;
    font-weight: inherit;
  }
`;

/** The selector around every rule. With `:not(#…)` it is stronger than any theme's selector of classes. */
const root = '.mail-setup:not(#none)';

/** Converts the style sheet of whole pages into one that applies only inside `.mail-setup`. */
export async function panelStyle(css) {
  const inside = css
    // Removes the light and dark colours of standalone pages.
    .replace(/@media \(prefers-color-scheme: dark\) \{\s*:root \{[^}]*\}\s*\}/, '')
    .replace(/^:root \{[^}]*(--mono: [^;]*;)[^}]*\}/m, `& {${colours}$1}`)
    // Removes the layout around the content and the colour of links: the panel has its own.
    .replace(/^(?:html|body|body > footer|main|main,[^{]*|a) \{[^}]*\}/gm, '');
  const { code } = await transform(`${root} {\n${inside}\n${againstTheme}\n}`, {
    loader: 'css',
    target: ['chrome111', 'firefox113', 'safari16.2'],
  });
  return code;
}
