/** How a host presents itself to its people, and what is on their sheets. Null where nothing is set. */
export interface Branding {
  /** The host's name. */
  readonly name: string | null;
  readonly logo: Logo | null;
  /** `#rrggbb`, dark enough to be read on white. */
  readonly colour: string | null;
  /** Whom to ask. */
  readonly supportContact: string | null;
  /** May contain `{domain}`, which stands for the mailbox's domain. */
  readonly webmailUrl: string | null;
  /** A note of the host's own. */
  readonly note: string | null;
  /** The mail clients whose steps are on a sheet, in this order. */
  readonly clients: readonly string[] | null;
  /** The language of sheets where none is asked for. */
  readonly language: string | null;
  readonly paper: Paper | null;
  /** What the mail says that a sheet is sent with, by language. */
  readonly mail: Readonly<Record<string, MailWords>>;
}

/** May contain `{address}` and `{login}`. Null where nothing is set. */
export interface MailWords {
  readonly subject: string | null;
  /** Lines, parted by line feeds. */
  readonly text: string | null;
}

export type Paper = 'a4' | 'letter';

/** A picture that has been cleaned: it loads nothing, runs nothing and says nothing but its picture. */
export interface Logo {
  readonly type: 'image/png' | 'image/svg+xml';
  /** Pixels, or the units of an SVG: only their ratio counts. */
  readonly width: number;
  readonly height: number;
  readonly bytes: Buffer;
}

/** Bytes of a logo's file, before and after it is cleaned. */
export const mostLogoBytes = 256 * 1024;

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

/** Each part from the first of the brandings that has it. */
export function nearestBranding(nearestFirst: readonly Branding[]): Branding {
  return nearestFirst.reduceRight<Branding>(
    (far, near) => ({ ...over(far, near), mail: mailOver(far.mail, near.mail) }),
    noBranding,
  );
}

function mailOver(far: Branding['mail'], near: Branding['mail']): Branding['mail'] {
  const languages = Object.entries(near).map(([language, words]) => {
    const further = far[language] ?? { subject: null, text: null };
    return [language, over(further, words)] as const;
  });
  return { ...far, ...Object.fromEntries(languages) };
}

/** The parts of one, and those of the other where they are set. */
function over<T extends object>(far: T, near: T): T {
  const set = Object.entries(near).filter(([, part]) => part !== null);
  return { ...far, ...Object.fromEntries(set) };
}

/**
 * How much a colour differs in brightness from white paper, from 1 to 21 (WCAG 2.2, "contrast
 * ratio"). Takes `#rrggbb`.
 */
export function contrastWithWhite(colour: string): number {
  const channels = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
  const [red = 0, green = 0, blue = 0] = channels.map((channel) =>
    channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4,
  );
  return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05);
}
