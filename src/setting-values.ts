import { BadValue } from './bad-value';
import { contrastWithWhite, type Branding, type Logo, type Paper } from './domain/branding';
import { forDomain } from './domain/policy';
import { clientIds } from './formats/guides';

/** What WCAG 2.2 asks of text on its ground (1.4.3). */
const leastContrast = 4.5;

/** Every key of a branding but its logo's, and how its text is read; the text is never empty. */
const brandingValues = {
  host_name: line,
  host_colour: colour,
  support_contact: line,
  webmail_url: webUrl,
  sheet_note: line,
  sheet_clients: clients,
  sheet_language: languageTag,
  sheet_paper: paper,
};

type ValueKey = keyof typeof brandingValues;

/** The keys of a branding that are one line of text each. */
export const brandingValueKeys = Object.keys(brandingValues) as ValueKey[];

export type BrandingKey = ValueKey | 'host_logo';

export const brandingKeys: readonly BrandingKey[] = [...brandingValueKeys, 'host_logo'];

/**
 * Reads a branding, all but its logo, from the texts of its keys; '' and undefined are nothing set. A bad
 * one is told to `complain`, and counts as not set.
 */
export function readBrandingValues(
  textOf: (key: ValueKey) => string | undefined,
  complain: (key: ValueKey, problem: string) => void,
): Omit<Branding, 'logo'> {
  const read = <K extends ValueKey>(key: K) => {
    const text = textOf(key);
    if (text === undefined || text === '') return null;
    try {
      return brandingValues[key](text) as ReturnType<(typeof brandingValues)[K]>;
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      complain(key, error.message);
      return null;
    }
  };
  return {
    name: read('host_name'),
    colour: read('host_colour'),
    supportContact: read('support_contact'),
    webmailUrl: read('webmail_url'),
    note: read('sheet_note'),
    clients: read('sheet_clients'),
    language: read('sheet_language'),
    paper: read('sheet_paper'),
  };
}

/** The same with its logo, whose libraries are loaded only where there is one. */
export async function readBranding(
  texts: Readonly<Partial<Record<BrandingKey, string>>>,
  complain: (key: BrandingKey, problem: string) => void,
): Promise<Branding> {
  const values = readBrandingValues((key) => texts[key], complain);
  const text = texts.host_logo ?? '';
  if (text === '') return { ...values, logo: null };
  try {
    return { ...values, logo: await readLogo(text) };
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    complain('host_logo', error.message);
    return { ...values, logo: null };
  }
}

/** A logo as the text of its key. */
export function logoText({ type, bytes }: Logo): string {
  return `data:${type};base64,${bytes.toString('base64')}`;
}

async function readLogo(text: string): Promise<Logo> {
  const [, data] = /^data:image\/(?:png|svg\+xml);base64,([A-Za-z0-9+/=]+)$/.exec(text) ?? [];
  if (data === undefined) throw new BadValue('must be a PNG or an SVG as a data: URL');
  const { cleanLogo } = await import('./logo');
  return cleanLogo(Buffer.from(data, 'base64'));
}

function line(text: string): string {
  if (text.length > 200 || /\p{Cc}/u.test(text)) {
    throw new BadValue('must be one line of at most 200 characters');
  }
  return text;
}

function colour(text: string): string {
  if (!/^#[0-9a-f]{6}$/i.test(text)) throw new BadValue('must be a colour such as #14509b');
  const contrast = contrastWithWhite(text);
  if (contrast < leastContrast) {
    throw new BadValue(
      `is too light for white paper: its contrast is ${contrast.toFixed(1)}, and at least ${leastContrast} is needed`,
    );
  }
  return text.toLowerCase();
}

function webUrl(text: string): string {
  const address = forDomain(text, 'example.com');
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address) || /[\s\p{Cc}]/u.test(address)) {
    throw new BadValue('must be a web address, such as https://webmail.{domain}/');
  }
  return text;
}

function clients(text: string): string[] {
  const given = text === 'none' ? [] : text.split(/[\s,]+/);
  if (given.some((id) => !clientIds.includes(id))) {
    throw new BadValue(`must be none, or some of ${clientIds.join(' ')}`);
  }
  return given;
}

function languageTag(text: string): string {
  if (/^[a-z]{2,3}(-[A-Za-z]+)*$/.test(text)) return text;
  throw new BadValue('must be the code of a language, such as fr');
}

function paper(text: string): Paper {
  if (text === 'a4' || text === 'letter') return text;
  throw new BadValue('must be a4 or letter');
}
