/** How a host presents itself on its sheets, and what is on them. Null where nothing is set. */
export interface Branding {
  /** The host's name. */
  readonly name: string | null;
  /** `#rrggbb`, dark enough to be read on white. */
  readonly colour: string | null;
  /** A note of the host's own. */
  readonly note: string | null;
  /** The mail clients whose steps are on a sheet, in this order. */
  readonly clients: readonly string[] | null;
  /** The language of sheets where none is asked for. */
  readonly language: string | null;
  readonly paper: Paper | null;
}

export type Paper = 'a4' | 'letter';

export const noBranding: Branding = {
  name: null,
  colour: null,
  note: null,
  clients: null,
  language: null,
  paper: null,
};

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
