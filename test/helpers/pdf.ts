import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DOMParser } from '@xmldom/xmldom';

/** The output of Poppler or qpdf, which are independent of our writer, for a PDF. Throws if they report an error. */
export function readPdf(pdf: Buffer, command: string, ...options: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'mail-setup-pdf-'));
  try {
    const file = join(folder, 'sheet.pdf');
    writeFileSync(file, pdf);
    const output = command === 'pdftotext' ? ['-'] : [];
    const { status, stdout, stderr } = spawnSync(command, [...options, file, ...output], {
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
    });
    if (status !== 0 || stderr !== '') throw new Error(`${command}: ${status}, ${stderr}`);
    return stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A page of a PDF as a PNG picture, as a printer would draw it. */
export function pictureOfPdf(pdf: Buffer, page: number, dotsPerInch: number): Buffer {
  const options = ['-png', '-gray', '-r', dotsPerInch, '-f', page, '-l', page, '-'].map(String);
  return execFileSync('pdftoppm', options, { input: pdf, maxBuffer: 64 * 1024 * 1024 });
}

/** The text of a PDF, in one line. */
export function textOfPdf(pdf: Buffer): string {
  return readPdf(pdf, 'pdftotext').replace(/\s+/g, ' ');
}

/** A word on a page and its box, in points from the upper left corner. */
export interface Word {
  readonly text: string;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface WordsOnPage {
  readonly width: number;
  readonly height: number;
  readonly words: readonly Word[];
}

/** The position of each word of a PDF, page by page, from Poppler. */
export function wordsOfPdf(pdf: Buffer): WordsOnPage[] {
  const html = readPdf(pdf, 'pdftotext', '-bbox');
  const document = new DOMParser().parseFromString(html, 'text/xml');
  return Array.from(document.getElementsByTagName('page')).map((page) => {
    const number = (element: Element, name: string) => Number(element.getAttribute(name));
    type Element = typeof page;
    return {
      width: number(page, 'width'),
      height: number(page, 'height'),
      words: Array.from(page.getElementsByTagName('word')).map((word) => ({
        text: word.textContent ?? '',
        left: number(word, 'xMin'),
        top: number(word, 'yMin'),
        right: number(word, 'xMax'),
        bottom: number(word, 'yMax'),
      })),
    };
  });
}
