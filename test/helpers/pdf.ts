import { execFileSync } from 'node:child_process';

/** What a PDF says, as Poppler reads it, in one line. */
export function textOfPdf(pdf: Buffer): string {
  return execFileSync('pdftotext', ['-', '-'], { input: pdf, encoding: 'utf8' }).replace(
    /\s+/g,
    ' ',
  );
}
