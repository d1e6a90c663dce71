declare module 'svg-to-pdfkit' {
  /** Draws an SVG. All measures in points where `assumePt` is set. */
  export default function SVGtoPDF(
    document: PDFKit.PDFDocument,
    svg: string,
    x: number,
    y: number,
    options: {
      width: number;
      height: number;
      assumePt: boolean;
      warningCallback: (words: string) => void;
    },
  ): void;
}
