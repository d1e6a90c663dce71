import { setImmediate } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import type { Logo, Paper } from '../../domain/branding';
import type { Texts } from '../../texts/languages';
import { plainText, richText } from '../../texts/rich-text';
import type { Sheet } from '../sheet';
import { StreamedDocument, type OpenedImage } from './document';
import type { Fonts } from './fonts';
import { paperSizes, type Piece, type Rectangle } from './page-writer';
import { layOutList, layOutSheet, type LayoutTexts } from './sheet-layout';
import { drawSvg } from './svg';

/** Sheets to be put into one PDF. */
export interface SheetsPdf {
  /** The title that a reader shows. */
  readonly title: string;
  readonly sheets: readonly (() => Sheet)[];
  /** The mailboxes and users without a sheet, with the reason, for the last page. */
  readonly without: readonly { readonly name: string; readonly reason: string }[];
  readonly texts: Texts;
  readonly paper: Paper;
  /** Milliseconds since 1970; its day is the document's date, so that a day's documents are equal. */
  readonly asOf: number;
  readonly fonts: Fonts;
  /** Ends the work early. */
  readonly signal: AbortSignal;
  /** Called after each sheet with the number of sheets done. */
  readonly progress: (done: number) => void;
}

const day = 86_400_000;

/** Modules around a QR code that have to stay white (ISO/IEC 18004). */
const quietZone = 4;

/** Limit for buffered bytes: above it the next sheet waits for the reader. */
const maxBuffered = 256 * 1024;

/**
 * Makes a PDF of one or many sheets, a page or more each: tagged, in its language, its fonts
 * embedded. Sheets are made as the reader takes the bytes. The same sheets give the same bytes.
 */
export function sheetsPdf(job: SheetsPdf): Readable {
  const document = new StreamedDocument({
    // Not PDFKit's own, whose measures it would read from files.
    font: '',
    autoFirstPage: false,
    size: [...paperSizes[job.paper]],
    margin: 0,
    pdfVersion: '1.7',
    tagged: true,
    displayTitle: true,
    lang: job.texts.code,
    info: { Title: job.title, CreationDate: new Date(Math.floor(job.asOf / day) * day) },
  });
  write(document, job).catch((error: unknown) => {
    document.destroy(error instanceof Error ? error : new Error('failed'));
  });
  return document;
}

async function write(document: StreamedDocument, job: SheetsPdf): Promise<void> {
  const { fonts, texts, signal } = job;
  document.flush();
  // The reader has the first bytes before the first sheet is made.
  await setImmediate();
  const root = document.struct('Document');
  document.addStructure(root);
  const painter = new Painter(document, root, fonts);
  const layoutTexts: LayoutTexts = {
    unprintable: texts.text('sheet_unprintable'),
    page: (page: number, pages: number) =>
      plainText(richText(texts.text('sheet_pages'), { page: String(page), pages: String(pages) })),
  };
  for (const [index, make] of job.sheets.entries()) {
    const sheet = make();
    painter.sheet(sheet, layOutSheet(sheet, job.paper, fonts, layoutTexts));
    if (index === 0) document.flush();
    job.progress(index + 1);
    do {
      await setImmediate();
      if (signal.aborted || document.destroyed) {
        document.destroy();
        return;
      }
    } while (document.readableLength > maxBuffered);
  }
  const { without } = job;
  if (without.length > 0) {
    const title = texts.text('without_title');
    painter.pages(title, texts.code, layOutList(title, without, job.paper, fonts));
  }
  root.end();
  document.end();
}

type Structure = ReturnType<StreamedDocument['struct']>;

type TextPiece = Extract<Piece, { readonly kind: 'text' }>;

/** Puts laid out pieces on the pages of a document. */
class Painter {
  private readonly registered = new Set<string>();
  private picture: OpenedImage | undefined;

  constructor(
    private readonly document: StreamedDocument,
    private readonly root: Structure,
    private readonly fonts: Fonts,
  ) {}

  sheet(sheet: Sheet, pieces: readonly Piece[]): void {
    this.pages(sheet.emailAddress, sheet.language, pieces);
  }

  /** Pieces on pages of their own, one section of the document. */
  pages(title: string, lang: string, pieces: readonly Piece[]): void {
    const { document } = this;
    const section = document.struct('Sect', { title, lang });
    this.root.add(section);
    let pages = 0;
    let list: Structure | null = null;
    let item: Structure | null = null;
    for (const piece of pieces) {
      if (piece.page >= pages) {
        document.addPage();
        pages++;
      }
      if (piece.kind === 'text' && (piece.tag === 'Lbl' || piece.tag === 'LBody')) {
        if (list === null) section.add((list = document.struct('L')));
        if (item === null || piece.tag === 'Lbl') list.add((item = document.struct('LI')));
        item.add(this.text(piece));
        continue;
      }
      list = item = null;
      const element = this.element(piece);
      if (element !== null) section.add(element);
    }
    section.end();
    document.endStructure();
  }

  /** Null for decoration, which has already been drawn and is hidden from screen readers. */
  private element(piece: Piece): Structure | null {
    const { document } = this;
    switch (piece.kind) {
      case 'text':
        return this.text(piece);
      case 'frame':
      case 'bar': {
        const { x, y, width, height } = piece;
        document.markContent('Artifact', { type: 'Layout' });
        document.rect(x, y, width, height);
        if (piece.kind === 'frame') document.lineWidth(piece.line).stroke('#000000');
        else document.fill(piece.colour);
        document.endMarkedContent();
        return null;
      }
      case 'logo': {
        document.markContent('Artifact', { type: 'Layout' });
        this.logo(piece.logo, piece);
        document.endMarkedContent();
        return null;
      }
      case 'qr':
        return document.struct('Figure', { alt: plainText(piece.qr.caption) }, () => {
          const scale = piece.width / (piece.qr.size + 2 * quietZone);
          document.save().translate(piece.x, piece.y).scale(scale).translate(quietZone, quietZone);
          // In one piece: a call for each of its hundreds of rows takes longer than the whole sheet.
          const rows = piece.qr.rows.map(([x, y, length]) => `${x} ${y} ${length} 1 re`);
          document
            .fillColor('#000000')
            .addContent(`${rows.join('\n')}\nf`)
            .restore();
        });
    }
  }

  /** A PNG is put into the document once, for all its pages. */
  private logo({ type, bytes }: Logo, { x, y, width, height }: Rectangle): void {
    const { document } = this;
    if (type === 'image/png') {
      this.picture ??= document.openImage(bytes);
      document.drawImage(this.picture, x, y, { width, height });
      return;
    }
    drawSvg(document, bytes.toString(), { x, y, width, height });
  }

  private text({ tag, x, y, lines, size, leading, actualText }: TextPiece): Structure {
    const { document } = this;
    const draw = () => {
      document.fillColor('#000000').fontSize(size);
      lines.forEach(({ runs }, index) => {
        let at = x;
        for (const { text, font, width } of runs) {
          this.font(font);
          const last = index < lines.length - 1 ? ' ' : '';
          document.text(text + last, at, y + index * leading, {
            lineBreak: false,
            baseline: 'alphabetic',
          });
          at += width * size;
        }
      });
    };
    return document.struct(tag, actualText === null ? {} : { actual: actualText }, draw);
  }

  private font(name: string): void {
    if (!this.registered.has(name)) {
      this.document.addFont(name, this.fonts.open(name), this.fonts.words(name));
      this.registered.add(name);
    }
    this.document.font(name);
  }
}
