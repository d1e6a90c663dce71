import type { Paper } from '../../domain/branding';
import { plain, strong, value, type RichText } from '../../texts/rich-text';
import type { Guide } from '../guides';
import type { Sheet, SheetBox } from '../sheet';
import type { Fonts } from './fonts';
import {
  heightOf,
  millimetre,
  PageWriter,
  type Piece,
  type Placement,
  type TextStyle,
} from './page-writer';
import type { Line } from './paragraph';

/** The texts that the layout adds to a sheet. */
export interface LayoutTexts {
  /** Instead of a name of which the fonts have no letter. */
  readonly unprintable: string;
  /** "Page 1 of 2". */
  readonly page: (page: number, pages: number) => string;
}

const styles = {
  title: { tag: 'P', size: 9.5 },
  address: { tag: 'H1', size: 18 },
  login: { tag: 'P', size: 19 },
  label: { tag: 'P', size: 11 },
  heading: { tag: 'H2', size: 11.5 },
  setting: { tag: 'P', size: 10.5 },
  text: { tag: 'P', size: 9.5 },
  number: { tag: 'Lbl', size: 9.5 },
  step: { tag: 'LBody', size: 9.5 },
  guideTitle: { tag: 'H3', size: 10 },
  foot: { tag: 'P', size: 7.5 },
  listHeading: { tag: 'H1', size: 11.5 },
} as const satisfies Record<string, TextStyle>;

/** Points: of the steps in the guides, the largest first; a smaller one where that saves a page. */
const guideSizes = [8.5, 8, 7.5];

const black = '#000000';

const columnGap = 5 * millimetre;
const qrWidth = 36 * millimetre;

/** The width of a step's number. Points. */
const numberWidth = { help: 14, guide: 13 };

/**
 * Lays a sheet out on its paper: what is typed into a mail client on the upper half of the first
 * page, so that the sheet can be folded; help and steps below, and on further pages where they do
 * not fit.
 */
export function layOutSheet(
  sheet: Sheet,
  paper: Paper,
  fonts: Fonts,
  texts: LayoutTexts,
): readonly Piece[] {
  let largest: readonly Piece[] | null = null;
  for (const guideSize of guideSizes) {
    const pieces = new SheetLayout(sheet, paper, fonts, texts, guideSize).pieces();
    if (pieces.at(-1)?.page === 0) return pieces;
    largest ??= pieces;
  }
  return largest ?? [];
}

/** One attempt to lay a sheet out, with its guides in one size. */
class SheetLayout {
  private readonly writer: PageWriter;
  /** Help and guides are set in two columns, boxes beside each other. */
  private readonly columnWidth: number;

  constructor(
    private readonly sheet: Sheet,
    paper: Paper,
    private readonly fonts: Fonts,
    private readonly texts: LayoutTexts,
    private readonly guideSize: number,
  ) {
    this.writer = new PageWriter(paper, fonts, styles.foot.size);
    this.columnWidth = (this.writer.width - columnGap) / 2;
  }

  /** Ordered by page, and on a page as they are read aloud. */
  pieces(): readonly Piece[] {
    this.header();
    this.credentials();
    this.boxes();
    for (const remark of this.sheet.remarks) {
      this.flow(remark);
      this.writer.y += 2;
    }
    this.leaveFoldFree();
    this.writer.y += 2 * millimetre;
    this.help();
    this.guides();
    this.feet();
    return this.writer.pieces.sort((a, b) => a.page - b.page);
  }

  private readonly startPage = (): void => {
    const { writer } = this;
    writer.startPage();
    const { left: x, y, width } = writer;
    writer.y = writer.write(styles.text, [strong(this.sheet.emailAddress)], { x, y, width }) + 6;
  };

  private flow(text: RichText): void {
    this.writer.flow(styles.text, text, this.startPage);
  }

  private columnX(column: number): number {
    return this.writer.left + column * (this.columnWidth + columnGap);
  }

  private header(): void {
    const { sheet, writer, fonts } = this;
    const { left: x, width } = writer;
    const host = this.host();
    const column = { x, width: host.width === 0 ? width : width - host.width - columnGap };
    let { y } = writer;
    y = writer.write(styles.title, [plain(sheet.title)], { ...column, y });
    y = writer.write(styles.address, [strong(sheet.emailAddress)], { ...column, y });
    const { realName, readableAddress } = sheet;
    // An address with a letter missing would be another one.
    if (readableAddress !== null && fonts.has(readableAddress, 'sans')) {
      y = writer.write(styles.title, [plain(readableAddress)], { ...column, y });
    }
    if (realName !== '') {
      const printed = fonts.hasAnyLetter(realName, 'sans') ? realName : this.texts.unprintable;
      const actualText = fonts.has(realName, 'sans') ? null : realName;
      y = writer.write(styles.title, [plain(printed)], { ...column, y }, actualText);
    }
    y = Math.max(y, host.bottom) + 1.5 * millimetre;
    writer.add({ kind: 'bar', x, y, width, height: millimetre, colour: sheet.colour });
    writer.y = y + 4 * millimetre;
    for (const notice of sheet.notices) this.flow([strong(notice)]);
    // The box that follows.
    if (sheet.notices.length > 0) writer.y += millimetre;
  }

  /** The host's logo and name, in the upper right corner. */
  private host(): { readonly width: number; readonly bottom: number } {
    const { sheet, writer, fonts } = this;
    const right = writer.left + writer.width;
    let { y } = writer;
    let width = 0;
    if (sheet.logo !== null) {
      const { logo } = sheet.logo;
      width = sheet.logo.width * millimetre;
      const height = sheet.logo.height * millimetre;
      writer.add({ kind: 'logo', x: right - width, y, width, height, logo });
      y += height + millimetre;
    }
    if (sheet.host !== null) {
      const { size } = styles.text;
      const lines = writer.lines([strong(sheet.host)], size, writer.width * 0.4);
      const widthOf = ({ runs }: Line) => runs.reduce((sum, run) => sum + run.width, 0);
      const widest = Math.max(...lines.map(widthOf)) * size;
      const actualText = fonts.has(sheet.host, 'bold') ? null : sheet.host;
      y = writer.put(styles.text, lines, { x: right - widest, y }, actualText);
      width = Math.max(width, widest);
    }
    return { width, bottom: y };
  }

  /** The login, and a line to write the password on. */
  private credentials(): void {
    const { writer } = this;
    const { login, password } = this.sheet;
    const { left, width, y: top } = writer;
    const inset = 4 * millimetre;
    const label = (y: number) => ({ x: left + inset, y: y + 6, width: 36 * millimetre });
    const x = left + inset + 37 * millimetre;
    const column = { x, width: left + width - inset - x };
    let y = top + 2.5 * millimetre;
    writer.write(styles.label, [plain(login.label)], label(y));
    y = writer.write(styles.login, [value(login.value)], { ...column, y });
    const note = login.differs ? strong(login.note) : plain(login.note);
    y = writer.write(styles.text, [note], { ...column, y });
    if (login.spoken !== null) {
      y = writer.write(styles.text, [plain(login.spoken)], { ...column, y });
    }
    y += 3 * millimetre;
    writer.write(styles.label, [plain(password.label)], label(y));
    y += 9 * millimetre;
    writer.add({ kind: 'bar', ...column, y, height: 0.7, colour: black });
    y = writer.write(styles.text, [plain(password.note)], { ...column, y: y + 3 });
    y += 2 * millimetre;
    writer.add({ kind: 'frame', x: left, y: top, width, height: y - top, line: 1.4 });
    writer.y = y + 3 * millimetre;
  }

  /** The settings of incoming and outgoing mail, beside each other. */
  private boxes(): void {
    const { writer, columnWidth: width } = this;
    const { boxes } = this.sheet;
    const { y } = writer;
    const ends = boxes.map((box, column) => this.box(box, { x: this.columnX(column), y, width }));
    const end = Math.max(...ends);
    boxes.forEach((_box, column) => {
      const x = this.columnX(column);
      writer.add({ kind: 'frame', x, y, width, height: end - y, line: 0.7 });
    });
    writer.y = end + 3 * millimetre;
  }

  /** Gives the height at which the box ends. */
  private box({ heading, rows, fallback }: SheetBox, { x, y: top, width }: Placement): number {
    const { writer } = this;
    const inset = 3 * millimetre;
    const labels = 34 * millimetre;
    const inner = { x: x + inset, width: width - 2 * inset };
    const label = { x: inner.x, width: labels - 4 };
    const content = { x: inner.x + labels, width: inner.width - labels };
    let y = top + 2 * millimetre;
    y = writer.write(styles.heading, [strong(heading)], { ...inner, y });
    for (const row of rows) {
      const labelEnd = writer.write(styles.setting, [plain(row.label)], { ...label, y });
      const contentEnd = writer.write(styles.setting, row.content, { ...content, y });
      y = Math.max(contentEnd, labelEnd);
    }
    if (fallback !== null) {
      y = writer.write(styles.setting, fallback, { ...inner, y: y + millimetre });
    }
    return y + 2 * millimetre;
  }

  /** Where the sheet is folded in the middle, no line runs along the fold. */
  private leaveFoldFree(): void {
    const { writer } = this;
    const fold = writer.paperHeight / 2;
    const next = heightOf(1, styles.heading.size);
    if (writer.page === 0 && writer.y < fold + 4 && writer.y + next > fold - 4) writer.y = fold + 4;
  }

  /** What to do when it does not work, and beside it the QR code: kept together on one page. */
  private help(): void {
    const { writer, columnWidth } = this;
    const { help, qr } = this.sheet;
    const { size } = styles.text;
    const left = this.columnX(0);
    const right = this.columnX(1);
    const captionX = right + qrWidth + 2 * millimetre;
    const caption = writer.lines(qr.caption, size, writer.left + writer.width - captionX);
    const captionHeight = heightOf(caption.length, size);
    const steps = help.steps.map((step) =>
      writer.lines(step, size, columnWidth - numberWidth.help),
    );
    const stepsHeight =
      heightOf(1, styles.heading.size) +
      steps.reduce((sum, lines) => sum + heightOf(lines.length, size), 0);
    const height = Math.max(stepsHeight, qrWidth, captionHeight);
    if (writer.y + height > writer.bottom) this.startPage();
    const { y: top } = writer;
    let y = writer.write(styles.heading, [strong(help.heading)], {
      x: left,
      y: top,
      width: columnWidth,
    });
    steps.forEach((lines, index) => {
      const number = [plain(`${index + 1}.`)];
      writer.write(styles.number, number, { x: left, y, width: numberWidth.help });
      y = writer.put(styles.step, lines, { x: left + numberWidth.help, y });
    });
    writer.add({ kind: 'qr', x: right, y: top, width: qrWidth, height: qrWidth, qr });
    const captionY = top + Math.max((qrWidth - captionHeight) / 2, 0);
    writer.put(styles.text, caption, { x: captionX, y: captionY });
    writer.y = top + height + 3 * millimetre;
  }

  /** In two columns: the second begins where the first is full, and a step stays in one piece. */
  private guides(): void {
    const { writer, guideSize } = this;
    const blocks = this.sheet.guides.all.flatMap((guide, index) => this.blocksOf(guide, index > 0));
    if (blocks.length === 0) return;
    const total = blocks.reduce((sum, { height }) => sum + height, 0);
    // Balanced where everything fits, so that the columns end together.
    let limit = Math.min(writer.bottom, writer.y + total / 2 + 20);
    let column = 0;
    let { y: top } = writer;
    /** The columns of the first page begin below the help. */
    let wholePage = false;
    for (const { heading, gap, paragraphs, height } of blocks) {
      const fits = () => writer.y + height <= (writer.y > top ? limit : writer.bottom);
      while (!fits() && (writer.y > top || !wholePage)) {
        limit = writer.bottom;
        if (column === 0) {
          column = 1;
        } else {
          this.startPage();
          column = 0;
          wholePage = true;
          top = writer.y;
        }
        writer.y = top;
      }
      const x = this.columnX(column);
      let { y } = writer;
      if (y > top) y += gap;
      if (heading.length > 0) y = writer.put(styles.guideTitle, heading, { x, y });
      for (const { number, lines } of paragraphs) {
        if (number === '') {
          y = writer.put({ tag: 'P', size: guideSize }, lines, { x, y });
          continue;
        }
        const { guide: width } = numberWidth;
        writer.write({ tag: 'Lbl', size: guideSize }, [plain(number)], { x, y, width });
        y = writer.put({ tag: 'LBody', size: guideSize }, lines, { x: x + width, y });
      }
      writer.y = y;
    }
  }

  /** A guide's heading stays with its warnings and its first step; each further step is a block. */
  private blocksOf({ title, warnings, steps }: Guide, gapBefore: boolean): GuideBlock[] {
    const { writer, guideSize, columnWidth } = this;
    const paragraphs: GuideParagraph[] = [
      ...warnings.map((warning) => ({
        number: '',
        lines: writer.lines([strong(warning)], guideSize, columnWidth),
      })),
      ...steps.map((step, index) => ({
        number: `${index + 1}.`,
        lines: writer.lines(step, guideSize, columnWidth - numberWidth.guide),
      })),
    ];
    const { size } = styles.guideTitle;
    const heading = writer.lines([strong(title)], size, columnWidth);
    const gap = gapBefore ? 1.5 * millimetre : 0;
    const first = paragraphs.slice(0, warnings.length + 1);
    return [
      {
        heading,
        gap,
        paragraphs: first,
        height: gap + heightOf(heading.length, size) + this.guideHeight(first),
      },
      ...paragraphs.slice(first.length).map((paragraph) => ({
        heading: [],
        gap: 0,
        paragraphs: [paragraph],
        height: this.guideHeight([paragraph]),
      })),
    ];
  }

  private guideHeight(paragraphs: readonly GuideParagraph[]): number {
    return paragraphs.reduce((sum, { lines }) => sum + heightOf(lines.length, this.guideSize), 0);
  }

  private feet(): void {
    const { writer } = this;
    const { foot } = this.sheet;
    const { left: x, footY: y, width } = writer;
    const pages = writer.page + 1;
    for (writer.page = 0; writer.page < pages; writer.page++) {
      const { page } = writer;
      const text = pages === 1 ? foot : `${foot} ${this.texts.page(page + 1, pages)}`;
      writer.write(styles.foot, [plain(text)], { x, y, width });
    }
  }
}

interface GuideParagraph {
  /** Empty where it is a warning. */
  readonly number: string;
  readonly lines: readonly Line[];
}

/** What of a guide stays together in one column. */
interface GuideBlock {
  readonly heading: readonly Line[];
  /** Above the heading, where the block does not begin a column. */
  readonly gap: number;
  readonly paragraphs: readonly GuideParagraph[];
  readonly height: number;
}

/** Lays out the list of mailboxes and users without a sheet. */
export function layOutList(
  title: string,
  without: readonly { readonly name: string; readonly reason: string }[],
  paper: Paper,
  fonts: Fonts,
): readonly Piece[] {
  const writer = new PageWriter(paper, fonts, null);
  const write = (style: TextStyle, text: RichText) => {
    const lines = writer.lines(text, style.size, writer.width);
    if (writer.y + heightOf(lines.length, style.size) > writer.bottom) writer.startPage();
    writer.y = writer.put(style, lines, { x: writer.left, y: writer.y }) + 2;
  };
  write(styles.listHeading, [strong(title)]);
  for (const { name, reason } of without) write(styles.text, [value(name), plain(`: ${reason}`)]);
  return writer.pieces;
}
