import type { Branding, Logo, MailWords } from '../domain/branding';
import { BadValue } from '../settings/bad-value';
import { brandingValueKeys, line, readBrandingValues } from '../settings/setting-values';
import type { Message } from '../texts/message';

/** The texts of a branding's keys: of one line each, `host_logo`, and `mail_subject.fr` and `mail_text.fr` for each language. */
export type BrandingTexts = Readonly<Record<string, string>>;

/** Every key of a branding, where there are these languages. */
export function brandingKeys(languages: readonly string[]): string[] {
  const mail = languages.flatMap((code) => [`mail_subject.${code}`, `mail_text.${code}`]);
  return [...brandingValueKeys, 'host_logo', ...mail];
}

/**
 * Reads a whole branding from the texts of its keys, as `readBrandingValues` does; the libraries for logos
 * are loaded only where there is one.
 */
export async function readBranding(
  texts: BrandingTexts,
  complain: (key: string, problem: Message) => void,
): Promise<Branding> {
  const attempt = async <T>(key: string, read: (text: string) => T | Promise<T>) => {
    const text = texts[key] ?? '';
    if (text === '') return null;
    try {
      return await read(text);
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      complain(key, error.problem);
      return null;
    }
  };
  const mail: Record<string, MailWords> = {};
  for (const language of mailLanguages(texts)) {
    const subject = await attempt(`mail_subject.${language}`, line);
    const text = await attempt(`mail_text.${language}`, lines);
    if (subject !== null || text !== null) mail[language] = { subject, text };
  }
  const logo = await attempt('host_logo', readLogo);
  return { ...readBrandingValues((key) => texts[key], complain), logo, mail };
}

function mailLanguages(texts: BrandingTexts): ReadonlySet<string> {
  const keys = Object.keys(texts).map((key) => /^mail_(?:subject|text)\.(.+)$/.exec(key)?.[1]);
  return new Set(keys.filter((language) => language !== undefined));
}

/** A logo as the text of its key. */
export function logoText({ type, bytes }: Logo): string {
  return `data:${type};base64,${bytes.toString('base64')}`;
}

async function readLogo(text: string): Promise<Logo> {
  const [, data] = /^data:image\/(?:png|svg\+xml);base64,([A-Za-z0-9+/=]+)$/.exec(text) ?? [];
  if (data === undefined) throw new BadValue('logo_data');
  const { cleanLogo } = await import('./logo');
  const logo = cleanLogo(Buffer.from(data, 'base64'));
  if (logo.type === 'image/svg+xml') {
    const { canDrawSvg } = await import('../formats/pdf/svg');
    if (!canDrawSvg(logo.bytes.toString())) {
      throw new BadValue('logo_undrawable');
    }
  }
  return logo;
}

function lines(text: string): string {
  if (text.length > 5000 || /[^\P{Cc}\n]/u.test(text)) {
    throw new BadValue('value_lines', { count: 5000 });
  }
  return text;
}
