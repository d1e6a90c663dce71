/** A hosting provider's appearance on pages and sheets, and the contents of the sheets. Null where nothing is set. */
export interface Branding {
  /** The provider's name. */
  readonly name: string | null;
  readonly logo: Logo | null;
  /** `#rrggbb`, dark enough to be read on white. */
  readonly colour: string | null;
  /** Where a mailbox's user gets help, such as a telephone number or an address. */
  readonly supportContact: string | null;
  /** May contain `{domain}`, which stands for the mailbox's domain. */
  readonly webmailUrl: string | null;
  /** The provider's own note on a sheet. */
  readonly note: string | null;
  /** The mail clients for which a sheet has instructions, in this order. */
  readonly clients: readonly string[] | null;
  /** The default language of sheets. */
  readonly language: string | null;
  readonly paper: Paper | null;
  /** Subject and text of the mail to which a sheet is attached, by language. */
  readonly mail: Readonly<Record<string, MailWords>>;
}

/** May contain `{address}` and `{login}`. Null where nothing is set. */
export interface MailWords {
  readonly subject: string | null;
  /** Lines, separated by line feeds. */
  readonly text: string | null;
}

export const papers = ['a4', 'letter'] as const;

export type Paper = (typeof papers)[number];

/** An image after cleaning: it has no scripts, no external references and no metadata. */
export interface Logo {
  readonly type: 'image/png' | 'image/svg+xml';
  /** Pixels, or the units of an SVG: only the ratio of width to height is used. */
  readonly width: number;
  readonly height: number;
  readonly bytes: Buffer;
}

/** Limit for a logo's file in bytes, before and after cleaning. */
export const maxLogoBytes = 256 * 1024;

export const noBranding: Branding = {
  name: null,
  logo: null,
  colour: null,
  supportContact: null,
  webmailUrl: null,
  note: null,
  clients: null,
  language: null,
  paper: null,
  mail: {},
};

/** Merges brandings: each part comes from the first one in which it is set. */
export function nearestBranding(nearestFirst: readonly Branding[]): Branding {
  return nearestFirst.reduceRight<Branding>(
    (far, near) => ({ ...override(far, near), mail: overrideMail(far.mail, near.mail) }),
    noBranding,
  );
}

function overrideMail(far: Branding['mail'], near: Branding['mail']): Branding['mail'] {
  const languages = Object.entries(near).map(([language, words]) => {
    const further = far[language] ?? { subject: null, text: null };
    return [language, override(further, words)] as const;
  });
  return { ...far, ...Object.fromEntries(languages) };
}

/** The parts of `far`, replaced by those of `near` that are not null. */
function override<T extends object>(far: T, near: T): T {
  const set = Object.entries(near).filter(([, part]) => part !== null);
  return { ...far, ...Object.fromEntries(set) };
}

/** The contrast of a colour (`#rrggbb`) with white paper, from 1 to 21 (WCAG 2.2, "contrast ratio"). */
export function contrastWithWhite(colour: string): number {
  const channels = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
  const [red = 0, green = 0, blue = 0] = channels.map((channel) =>
    channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4,
  );
  return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05);
}
