import { PNG } from 'pngjs';
import type { TestApp } from './app';

export const pngLogo = PNG.sync.write(new PNG({ width: 30, height: 10 }));

export const svgLogo = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 10"><script>alert(1)</script><rect width="40" height="10" fill="#14509b"/></svg>',
);

/** The value of an input field of a page. */
export function valueOf(html: string, name: string): string {
  const [field = ''] = new RegExp(`<input [^>]*name="${name}"[^>]*>`).exec(html) ?? [];
  return /value="([^"]*)"/.exec(field)?.[1] ?? '';
}

export async function versionOf(app: TestApp, path: string): Promise<string> {
  return valueOf((await app.get(path)).text, 'version');
}

/** Saves a branding through its form, as a change of the current version. */
export async function saveBranding(
  app: TestApp,
  path: string,
  fields: Record<string, string>,
  logo?: Buffer,
) {
  let form = app.post(path).field('version', await versionOf(app, path));
  for (const [name, value] of Object.entries(fields)) form = form.field(name, value);
  if (logo !== undefined) form = form.attach('logo_file', logo, 'logo');
  return form;
}
