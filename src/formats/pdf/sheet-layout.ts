import type { Logo, Paper } from '../../domain/branding';
import { plain, strong, value, type RichText } from '../../texts/rich-text';
import type { Sheet, SheetBox, SheetQr } from '../sheet';
import type { Fonts } from './fonts';
import { breakLines, type Line } from './paragraph';

/** Points, 72 to the inch. */
export const paperSizes: Readonly<Record<Paper, readonly [width: number, height: number]>> = {
  a4: [595.28, 841.89],
  letter: [612, 792],
};

const millimetre = 72 / 25.4;
const margin = 12 * millimetre;
const columnGap = 5 * millimetre;

/** What a screen reader is told that a piece is (ISO 32000-1, 14.8.4). */
export type Tag = 'H1' | 'H2' | 'H3' | 'P' | 'Lbl' | 'LBody';

/** Something at a place on a page. Points from the upper left corner. */
export type Piece =
  | {
      readonly kind: 'text';
      readonly page: number;
      readonly tag: Tag;
      readonly x: number;
      /** Of the first line's base. */
      readonly y: number;
      readonly lines: readonly Line[];
      readonly size: number;
      readonly leading: number;
      /** What it says where not every letter can be drawn. */
      readonly says: string | null;
    }
  | (Rectangle & { readonly kind: 'frame'; readonly line: number })
  | (Rectangle & { readonly kind: 'bar'; readonly colour: string })
  | (Rectangle & { readonly kind: 'logo'; readonly logo: Logo })
  | (Rectangle & { readonly kind: 'qr'; readonly qr: SheetQr });

export interface Rectangle {
  readonly page: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What of a QR code has to stay white around it, in modules (ISO/IEC 18004). */
export const quietZone = 4;

/** Points. Steps may be set a little closer where that saves a second page. */
const guideSizes = [8.5, 8, 7.5];

const sizes = {
  kind: 9.5,
  address: 18,
  login: 19,
  label: 11,
  heading: 11.5,
  box: 10.5,
  text: 9.5,
  guideTitle: 10,
  foot: 7.5,
};
const leadingOf = (size: number) => size * 1.27;

/** Where capital letters end above the base, in units of the size. */
const ascent = 0.93;

const black = '#000000';

const qrWidth = 36 * millimetre;

/**
 * Lays a sheet out on its paper: what is typed above the fold, help and steps below it, and what does
 * not fit on a further page.
 */
export function layOut(
  sheet: Sheet,
  paper: Paper,
  fonts: Fonts,
  words: LayoutWords,
): readonly Piece[] {
  let first: readonly Piece[] | null = null;
  for (const guideSize of guideSizes) {
    const pieces = layOutWith(sheet, paper, fonts, words, guideSize);
    if (pieces.at(-1)?.page === 0) return pieces;
    first ??= pieces;
  }
  return first ?? [];
}

interface LayoutWords {
  /** Instead of a name that has no letters here. */
  readonly unprintable: string;
  /** "Page 1 of 2". */
  readonly page: (page: number, pages: number) => string;
}

function layOutWith(
  sheet: Sheet,
  paper: Paper,
  fonts: Fonts,
  words: LayoutWords,
  guideSize: number,
): readonly Piece[] {
  const [paperWidth, paperHeight] = paperSizes[paper];
  const left = margin;
  const width = paperWidth - 2 * margin;
  const bottom = paperHeight - margin - leadingOf(sizes.foot) - 4;
  const pieces: Piece[] = [];
  let page = 0;
  let y = margin;

  const lines = (text: RichText, size: number, room: number) => breakLines(text, size, room, fonts);
  const heightOf = (count: number, size: number) => count * leadingOf(size);

  function put(
    tag: Tag,
    all: readonly Line[],
    x: number,
    top: number,
    size: number,
    says: string | null = null,
  ) {
    const piece = {
      page,
      tag,
      x,
      y: top + size * ascent,
      lines: all,
      size,
      leading: leadingOf(size),
      says,
    };
    pieces.push({ kind: 'text', ...piece });
    return top + heightOf(all.length, size);
  }

  /** The same for a text that is not broken into lines yet. */
  function write(
    tag: Tag,
    text: RichText,
    size: number,
    x: number,
    top: number,
    room: number,
    says: string | null = null,
  ) {
    return put(tag, lines(text, size, room), x, top, size, says);
  }

  /** A name of anybody's: in letters that there are, or in words that say that there are none. */
  function name(tag: Tag, text: string, x: number, top: number, size: number, room: number) {
    const drawn = fonts.hasAnyLetter(text, 'sans') ? text : words.unprintable;
    return write(tag, [plain(drawn)], size, x, top, room, fonts.has(text, 'sans') ? null : text);
  }

  function startPage() {
    page++;
    y = margin;
    y = write('P', [strong(sheet.emailAddress)], sizes.text, left, y, width) + 6;
  }

  /** Puts a text, and goes on on a further page where it does not fit. */
  function flow(tag: Tag, text: RichText, size: number, x: number, room: number) {
    let rest = lines(text, size, room);
    while (rest.length > 0) {
      const fits = Math.max(Math.floor((bottom - y) / leadingOf(size)), 0);
      if (
        fits < rest.length &&
        y + heightOf(rest.length, size) > bottom &&
        (fits === 0 || rest.length < 4)
      ) {
        startPage();
        continue;
      }
      y = put(tag, rest.slice(0, fits), x, y, size);
      rest = rest.slice(fits);
    }
  }

  function header() {
    const right = left + width;
    let hostBottom = y;
    let hostWidth = 0;
    if (sheet.logo !== null) {
      const { logo } = sheet.logo;
      hostWidth = sheet.logo.width * millimetre;
      const height = sheet.logo.height * millimetre;
      pieces.push({ kind: 'logo', page, x: right - hostWidth, y, width: hostWidth, height, logo });
      hostBottom = y + height + millimetre;
    }
    if (sheet.host !== null) {
      const all = lines([strong(sheet.host)], sizes.text, width * 0.4);
      const widthOf = ({ runs }: Line) => runs.reduce((sum, run) => sum + run.width, 0);
      const widest = Math.max(...all.map(widthOf)) * sizes.text;
      const says = fonts.has(sheet.host, 'bold') ? null : sheet.host;
      hostBottom = put('P', all, right - widest, hostBottom, sizes.text, says);
      hostWidth = Math.max(hostWidth, widest);
    }
    const room = hostWidth === 0 ? width : width - hostWidth - columnGap;
    y = write('P', [plain(sheet.title)], sizes.kind, left, y, room);
    y = write('H1', [strong(sheet.emailAddress)], sizes.address, left, y, room);
    if (sheet.realName !== '') y = name('P', sheet.realName, left, y, sizes.kind, room);
    y = Math.max(y, hostBottom) + 1.5 * millimetre;
    pieces.push({ kind: 'bar', page, x: left, y, width, height: millimetre, colour: sheet.colour });
    y += 4 * millimetre;
    for (const notice of sheet.notices) flow('P', [strong(notice)], sizes.text, left, width);
  }

  function identity() {
    const top = y;
    const inset = 4 * millimetre;
    const at = left + inset + 37 * millimetre;
    const room = left + width - inset - at;
    y += 2.5 * millimetre;
    write('P', [plain(sheet.login.label)], sizes.label, left + inset, y + 6, 36 * millimetre);
    y = write('P', [value(sheet.login.value)], sizes.login, at, y, room);
    y = write(
      'P',
      [sheet.login.differs ? strong(sheet.login.note) : plain(sheet.login.note)],
      sizes.text,
      at,
      y,
      room,
    );
    if (sheet.login.spoken !== null)
      y = write('P', [plain(sheet.login.spoken)], sizes.text, at, y, room);
    y += 3 * millimetre;
    write('P', [plain(sheet.password.label)], sizes.label, left + inset, y + 6, 36 * millimetre);
    y += 9 * millimetre;
    pieces.push({ kind: 'bar', page, x: at, y, width: room, height: 0.7, colour: black });
    y = write('P', [plain(sheet.password.note)], sizes.text, at, y + 3, room) + 2 * millimetre;
    pieces.push({ kind: 'frame', page, x: left, y: top, width, height: y - top, line: 1.4 });
    y += 3 * millimetre;
  }

  function box({ heading, rows, fallback }: SheetBox, x: number, room: number) {
    const inset = 3 * millimetre;
    const labels = 34 * millimetre;
    const inner = room - 2 * inset;
    let at = y + 2 * millimetre;
    at = write('H2', [strong(heading)], sizes.heading, x + inset, at, inner);
    for (const { label, content } of rows) {
      const start = at;
      const labelled = write('P', [plain(label)], sizes.box, x + inset, start, labels - 4);
      at = write('P', content, sizes.box, x + inset + labels, start, inner - labels);
      at = Math.max(at, labelled);
    }
    if (fallback !== null) at = write('P', fallback, sizes.box, x + inset, at + millimetre, inner);
    return at + 2 * millimetre;
  }

  function boxes() {
    const room = (width - columnGap) / 2;
    const ends = sheet.boxes.map((one, index) => box(one, left + index * (room + columnGap), room));
    const end = Math.max(...ends);
    sheet.boxes.forEach((_, index) => {
      pieces.push({
        kind: 'frame',
        page,
        x: left + index * (room + columnGap),
        y,
        width: room,
        height: end - y,
        line: 0.7,
      });
    });
    y = end + 3 * millimetre;
  }

  function help() {
    const room = (width - columnGap) / 2;
    const right = left + room + columnGap;
    const captionAt = right + qrWidth + 2 * millimetre;
    const captionLines = lines(sheet.qr.caption, sizes.text, left + width - captionAt);
    const stepLines = sheet.help.steps.map((step) => lines(step, sizes.text, room - 14));
    const stepsHeight =
      heightOf(1, sizes.heading) +
      stepLines.reduce((sum, all) => sum + heightOf(all.length, sizes.text), 0);
    const needed = Math.max(stepsHeight, qrWidth, heightOf(captionLines.length, sizes.text));
    if (y + needed > bottom) startPage();
    const top = y;
    let at = write('H2', [strong(sheet.help.heading)], sizes.heading, left, top, room);
    stepLines.forEach((all, index) => {
      write('Lbl', [plain(`${index + 1}.`)], sizes.text, left, at, 14);
      at = put('LBody', all, left + 14, at, sizes.text);
    });
    pieces.push({
      kind: 'qr',
      page,
      x: right,
      y: top,
      width: qrWidth,
      height: qrWidth,
      qr: sheet.qr,
    });
    put(
      'P',
      captionLines,
      captionAt,
      top + Math.max((qrWidth - heightOf(captionLines.length, sizes.text)) / 2, 0),
      sizes.text,
    );
    y = top + needed + 3 * millimetre;
  }

  /** In two columns: the second begins where the first is full, and a step stays in one piece. */
  function guides() {
    if (sheet.guides.all.length === 0) return;
    const room = (width - columnGap) / 2;
    const items = sheet.guides.all.flatMap(({ title, warnings, steps }, guide) => {
      const all = [
        ...warnings.map((warning) => ({
          tag: 'P' as const,
          label: '',
          text: lines([strong(warning)], guideSize, room),
        })),
        ...steps.map((step, index) => ({
          tag: 'LBody' as const,
          label: `${index + 1}.`,
          text: lines(step, guideSize, room - 13),
        })),
      ];
      const heading = lines([strong(title)], sizes.guideTitle, room);
      const begins = warnings.length + 1;
      const gap = guide === 0 ? 0 : 1.5 * millimetre;
      // A heading is not left at the end of a column without its first step.
      return [
        { heading, gap, all: all.slice(0, begins) },
        ...all.slice(begins).map((one) => ({ heading: [] as Line[], gap: 0, all: [one] })),
      ];
    });
    const heights = items.map(
      ({ heading, gap, all }) =>
        gap +
        heightOf(heading.length, sizes.guideTitle) +
        all.reduce((sum, one) => sum + heightOf(one.text.length, guideSize), 0),
    );
    const total = heights.reduce((sum, height) => sum + height, 0);
    // Balanced where everything fits, so that the columns end together.
    const target = Math.min(bottom, y + total / 2 + 20);
    let column = 0;
    let top = y;
    let limit = target;
    for (const [index, { heading, gap, all }] of items.entries()) {
      const height = heights[index] ?? 0;
      if (y + height > limit && y > top) {
        if (column === 0) {
          column = 1;
          limit = bottom;
        } else {
          startPage();
          column = 0;
          top = y;
          limit = bottom;
        }
        y = top;
      }
      const x = left + column * (room + columnGap);
      if (y > top) y += gap;
      if (heading.length > 0) y = put('H3', heading, x, y, sizes.guideTitle);
      for (const { tag, label, text } of all) {
        if (label !== '') write('Lbl', [plain(label)], guideSize, x, y, 13);
        y = put(tag, text, label === '' ? x : x + 13, y, guideSize);
      }
    }
  }

  header();
  identity();
  boxes();
  for (const remark of sheet.remarks) {
    flow('P', remark, sizes.text, left, width);
    y += 2;
  }
  // Folded in the middle, no line runs along the fold.
  const fold = paperHeight / 2;
  if (page === 0 && y < fold + 4 && y + leadingOf(sizes.heading) > fold - 4) y = fold + 4;
  y += 2 * millimetre;
  help();
  guides();

  const pages = page + 1;
  for (page = 0; page < pages; page++) {
    const foot = pages === 1 ? sheet.foot : `${sheet.foot} ${words.page(page + 1, pages)}`;
    write(
      'P',
      [plain(foot)],
      sizes.foot,
      left,
      paperHeight - margin - leadingOf(sizes.foot),
      width,
    );
  }
  return pieces.sort((a, b) => a.page - b.page);
}

/** Lays out the list of those without a sheet, on as many pages as it takes. */
export function layOutList(
  title: string,
  without: readonly { readonly name: string; readonly reason: string }[],
  paper: Paper,
  fonts: Fonts,
): readonly Piece[] {
  const [paperWidth, paperHeight] = paperSizes[paper];
  const width = paperWidth - 2 * margin;
  const pieces: Piece[] = [];
  let page = 0;
  let y = margin;
  const put = (tag: Tag, text: RichText, size: number) => {
    const lines = breakLines(text, size, width, fonts);
    const leading = leadingOf(size);
    if (y + lines.length * leading > paperHeight - margin) {
      page++;
      y = margin;
    }
    const place = { page, x: margin, y: y + size * ascent };
    pieces.push({ kind: 'text', tag, ...place, lines, size, leading, says: null });
    y += lines.length * leading + 2;
  };
  put('H1', [strong(title)], sizes.heading);
  for (const { name, reason } of without) {
    put('P', [value(name), plain(`: ${reason}`)], sizes.text);
  }
  return pieces;
}
