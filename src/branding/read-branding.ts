import type { Branding, Logo, MailWords } from '../domain/branding';
import { bad, readTable, setting, type Parsed } from '../settings/setting';
import { brandingOf, brandingSettings } from '../settings/settings';
import { line, lines } from '../settings/values';
import type { Message } from '../texts/message';

/**
 * The texts of a branding's keys: those of the settings, `host_logo`, and for each language such as `fr`
 * `mail_subject.fr` and `mail_text.fr`.
 */
export type BrandingTexts = Readonly<Record<string, string>>;

/** The words of a mail in one language. */
const mailSettings = { mail_subject: setting(line, null), mail_text: setting(lines, null) };

/** Every key of a branding, if there are these languages. */
export function brandingKeys(languages: readonly string[]): string[] {
  const mail = languages.flatMap((code) =>
    Object.keys(mailSettings).map((key) => `${key}.${code}`),
  );
  return [...Object.keys(brandingSettings), 'host_logo', ...mail];
}

/**
 * Reads a whole branding from the texts of its keys, and returns problems by key. A text with a problem counts as not
 * set. The libraries for logos are loaded only if there is a logo.
 */
export async function readBranding(
  texts: BrandingTexts,
): Promise<{ readonly branding: Branding; readonly problems: ReadonlyMap<string, Message> }> {
  const problems = new Map<string, Message>();
  const mail: Record<string, MailWords> = {};
  for (const language of mailLanguages(texts)) {
    const read = readTable(mailSettings, (key) => texts[`${key}.${language}`]);
    for (const [key, problem] of read.problems) problems.set(`${key}.${language}`, problem);
    const { mail_subject: subject, mail_text: text } = read.values;
    if (subject !== null || text !== null) mail[language] = { subject, text };
  }
  const logo = texts.host_logo ? await readLogo(texts.host_logo) : { value: null };
  if ('problem' in logo) problems.set('host_logo', logo.problem);
  const { values, problems: others } = readTable(brandingSettings, (key) => texts[key]);
  return {
    branding: { ...brandingOf(values), logo: 'value' in logo ? logo.value : null, mail },
    problems: new Map([...problems, ...others]),
  };
}

function mailLanguages(texts: BrandingTexts): ReadonlySet<string> {
  const keys = Object.keys(texts).map((key) => /^mail_(?:subject|text)\.(.+)$/.exec(key)?.[1]);
  return new Set(keys.filter((language) => language !== undefined));
}

/** A logo as the text of its key. */
export function logoText({ type, bytes }: Logo): string {
  return `data:${type};base64,${bytes.toString('base64')}`;
}

async function readLogo(text: string): Promise<Parsed<Logo>> {
  const [, data] = /^data:image\/(?:png|svg\+xml);base64,([A-Za-z0-9+/=]+)$/.exec(text) ?? [];
  if (data === undefined) return bad('logo_data');
  const { cleanLogo } = await import('./logo');
  const logo = cleanLogo(Buffer.from(data, 'base64'));
  if ('value' in logo && logo.value.type === 'image/svg+xml') {
    const { canDrawSvg } = await import('../formats/pdf/svg');
    if (!canDrawSvg(logo.value.bytes.toString())) return bad('logo_undrawable');
  }
  return logo;
}
