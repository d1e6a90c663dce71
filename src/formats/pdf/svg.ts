import PDFDocument from 'pdfkit';
import SVGtoPDF from 'svg-to-pdfkit';

/** A place on a page. Points from the upper left corner. */
interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Draws an SVG into a place of the current page, as large as it gets there. Throws where it cannot be drawn. */
export function drawSvg(document: PDFKit.PDFDocument, svg: string, place: Area): void {
  const { x, y, width, height } = place;
  document.save();
  SVGtoPDF(document, svg, x, y, {
    width,
    height,
    assumePt: true,
    warningCallback: () => undefined,
  });
  document.restore();
}

/** Whether an SVG can be drawn: numbers that are none, or too large for a PDF, are found out by drawing it. */
export function canDrawSvg(svg: string): boolean {
  // Without a font, whose measures PDFKit would read from files.
  const document = new PDFDocument({ font: '' });
  document.resume();
  try {
    // Larger and further out than on any sheet, where its numbers are smaller.
    drawSvg(document, svg, { x: 2000, y: 2000, width: 2000, height: 2000 });
    document.end();
    return true;
  } catch {
    return false;
  }
}
