import { execFileSync } from 'node:child_process';
import { DOMParser } from '@xmldom/xmldom';

/** What a PDF says, as Poppler reads it, in one line. */
export function textOfPdf(pdf: Buffer): string {
  return execFileSync('pdftotext', ['-', '-'], { input: pdf, encoding: 'utf8' }).replace(
    /\s+/g,
    ' ',
  );
}

/** A word on a page and the room that its font takes for it. Points from the upper left corner. */
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

/** Where each word of a PDF is, page by page, as Poppler finds it. */
export function wordsOfPdf(pdf: Buffer): WordsOnPage[] {
  const html = execFileSync('pdftotext', ['-bbox', '-', '-'], { input: pdf, encoding: 'utf8' });
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
