import type { Logo, Paper } from '../../domain/branding';
import type { RichText } from '../../texts/rich-text';
import type { SheetQr } from '../sheet';
import type { Fonts } from './fonts';
import { breakLines, type Line } from './paragraph';

/** Points, 72 to the inch. */
export const paperSizes: Readonly<Record<Paper, readonly [width: number, height: number]>> = {
  a4: [595.28, 841.89],
  letter: [612, 792],
};

/** Points. */
export const millimetre = 72 / 25.4;

/** The margins on the left and on the right. */
const sideMargin = 12 * millimetre;

/** The margins above and below, as in sheet.css. */
const endMargins: Readonly<Record<Paper, number>> = {
  a4: 10 * millimetre,
  letter: 8 * millimetre,
};

/** Structure types of tagged PDF (ISO 32000-1, 14.8.4), by which a screen reader finds its way. */
export type Tag = 'H1' | 'H2' | 'H3' | 'P' | 'Lbl' | 'LBody';

/** How a text is set. `size` is in points. */
export interface TextStyle {
  readonly tag: Tag;
  readonly size: number;
}

/** The upper left corner of a text, and the width of its lines. Points from the page's upper left corner. */
export interface Placement {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

export interface Rectangle {
  readonly page: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Something at a place on a page. Points from the upper left corner; pages are counted from 0. */
export type Piece =
  | {
      readonly kind: 'text';
      readonly page: number;
      readonly tag: Tag;
      readonly x: number;
      /** The baseline of the first line. */
      readonly y: number;
      readonly lines: readonly Line[];
      readonly size: number;
      readonly leading: number;
      /** The whole text where the fonts lack some of its letters, else null (ISO 32000-1, 14.9.4). */
      readonly actualText: string | null;
    }
  | (Rectangle & { readonly kind: 'frame'; readonly line: number })
  | (Rectangle & { readonly kind: 'bar'; readonly colour: string })
  | (Rectangle & { readonly kind: 'logo'; readonly logo: Logo })
  | (Rectangle & { readonly kind: 'qr'; readonly qr: SheetQr });

type PieceOnPage<P> = P extends Piece ? Omit<P, 'page'> : never;

/** The distance between two baselines. */
const leadingOf = (size: number) => size * 1.27;

/** The height of `count` lines. */
export const heightOf = (count: number, size: number) => count * leadingOf(size);

/** From the top of a line to its baseline, in units of the size. */
const ascent = 0.93;

/** A paragraph of fewer lines is not divided between two pages. */
const fewestDivided = 4;

/** Lays pieces out from the top of the first page on. `y` is where the next one begins. */
export class PageWriter {
  readonly pieces: Piece[] = [];
  readonly left = sideMargin;
  /** The width between the margins. */
  readonly width: number;
  readonly paperHeight: number;
  page = 0;
  y: number;
  private readonly endMargin: number;

  /** `footSize` is the size of the foot's line, or null where the pages have none. */
  constructor(
    paper: Paper,
    private readonly fonts: Fonts,
    private readonly footSize: number | null,
  ) {
    const [width, height] = paperSizes[paper];
    this.width = width - 2 * sideMargin;
    this.paperHeight = height;
    this.endMargin = endMargins[paper];
    this.y = this.endMargin;
  }

  /** Where a foot begins. */
  get footY(): number {
    return (
      this.paperHeight - this.endMargin - (this.footSize === null ? 0 : leadingOf(this.footSize))
    );
  }

  /** What is above the foot ends here. */
  get bottom(): number {
    return this.footSize === null ? this.footY : this.footY - 4;
  }

  lines(text: RichText, size: number, width: number): Line[] {
    return breakLines(text, size, width, this.fonts);
  }

  /** Adds a piece to the page. */
  add(piece: PieceOnPage<Piece>): void {
    this.pieces.push({ ...piece, page: this.page });
  }

  /** Puts lines at a place, and gives the height at which they end. */
  put(
    { tag, size }: TextStyle,
    lines: readonly Line[],
    { x, y }: Pick<Placement, 'x' | 'y'>,
    actualText: string | null = null,
  ): number {
    const baseline = y + size * ascent;
    const leading = leadingOf(size);
    this.add({ kind: 'text', tag, x, y: baseline, lines, size, leading, actualText });
    return y + heightOf(lines.length, size);
  }

  /** Breaks a text into lines and puts them at a place; gives the height at which they end. */
  write(
    style: TextStyle,
    text: RichText,
    placement: Placement,
    actualText: string | null = null,
  ): number {
    return this.put(style, this.lines(text, style.size, placement.width), placement, actualText);
  }

  /** Puts a text at `y` over the whole width, and goes on on further pages where it does not fit. */
  flow(style: TextStyle, text: RichText, startPage: () => void): void {
    const { size } = style;
    let rest = this.lines(text, size, this.width);
    while (rest.length > 0) {
      const fitting = Math.max(Math.floor((this.bottom - this.y) / leadingOf(size)), 0);
      if (
        fitting < rest.length &&
        this.y + heightOf(rest.length, size) > this.bottom &&
        (fitting === 0 || rest.length < fewestDivided)
      ) {
        startPage();
        continue;
      }
      this.y = this.put(style, rest.slice(0, fitting), { x: this.left, y: this.y });
      rest = rest.slice(fitting);
    }
  }

  startPage(): void {
    this.page++;
    this.y = this.endMargin;
  }
}
