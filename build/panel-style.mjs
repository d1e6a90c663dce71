// The style sheet inside the panel: it applies only to the app's own elements, in the panel's colours.
import { transform } from 'esbuild';

/**
 * The colours are derived from the panel's text colour, so that they suit light and dark themes. They keep its tone but not its
 * lightness: the text of dark themes has too little contrast (Authentic 19: 3.4). Below 0.5 the text is dark.
 */
const colours = `
  --ink: currentcolor;
  --quiet: var(--ink);
  --paper: transparent;
  --panel: color-mix(in srgb, currentcolor 7%, transparent);
  --line: color-mix(in srgb, currentcolor 30%, transparent);
  --link: var(--ink);
  --differ-ink: var(--ink);
  --differ: color-mix(in srgb, #e07b1c 18%, transparent);
  --error-ink: var(--ink);
  --error: color-mix(in srgb, #d0203a 18%, transparent);
  --good: var(--ink);
  color: var(--ink);
  @supports (color: oklch(from currentcolor l c h)) {
    --ink: oklch(from currentcolor clamp(0.25, (l - 0.5) * 1000, 0.95) c h);
    --link: oklch(from currentcolor clamp(0.45, (l - 0.5) * 1000, 0.83) 0.11 255);
  }
`;

/**
 * Against rules of themes for every code, button, legend, label and link. Authentic's dark colours are important. What is
 * against rules for tables is in the style sheet itself.
 */
const againstTheme = `
  code {
    padding: 0;
    border: 0;
    color: inherit !important;
    background: none !important;
    box-shadow: none;
    white-space: normal;
  }
  .mcs-button {
    color: var(--ink) !important;
  }
  legend {
    width: auto;
    margin: 0;
    border: 0;
    font-size: inherit;
    color: inherit;
  }
  :is(p, li) a:not(.mcs-button) {
    text-decoration: underline;
  }
  label {
    margin: 0;
    color: inherit !important;
    font-weight: inherit;
  }
  @supports (color: oklch(from currentcolor l c h)) {
    a:not(.mcs-button) {
      color: var(--link) !important;
    }
    .mcs-notice a {
      color: var(--ink) !important;
    }
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
