import { expect, test } from '@jest/globals';
import { PNG } from 'pngjs';
import PDFDocument from 'pdfkit';

/** The private members of PDFKit that `src/formats/pdf/document.ts` uses. */
/* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-member-access,
   @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-return,
   @typescript-eslint/no-unsafe-argument, @typescript-eslint/restrict-plus-operands,
   @typescript-eslint/no-confusing-void-expression, @typescript-eslint/no-unnecessary-type-assertion */
const font = require.resolve('@fontsource/noto-sans/files/noto-sans-latin-400-normal.woff');

const open = (): any => {
  const document = new PDFDocument({ tagged: true });
  document.resume();
  return document;
};

/** The arguments of each call of a method while a document is made and ended. */
function calls(method: string): unknown[][] {
  const found: unknown[][] = [];
  class Watched extends PDFDocument {}
  const original = (PDFDocument.prototype as any)[method];
  (Watched.prototype as any)[method] = function (...values: unknown[]) {
    found.push(values);
    return original.apply(this, values);
  };
  const document = new Watched();
  document.resume();
  document.end();
  return found;
}

test.each<[string, (document: any) => void]>([
  [
    '_root.data.Pages is the leaf that pages are added to',
    (document) => {
      const { Type, Count, Kids } = document._root.data.Pages.data;
      expect([Type, Count]).toEqual(['Pages', 1]);
      expect(Kids).toEqual([document.page.dictionary]);
    },
  ],
  [
    '_info is a reference after the end',
    (document) => {
      document.end();
      expect(String(document._info)).toMatch(/^\d+ 0 R$/);
    },
  ],
  ['_id is 16 bytes', ({ _id }) => expect(Buffer.from(_id)).toHaveLength(16)],
  [
    '_offset counts the bytes written',
    (document) => {
      const before = document._offset;
      document._write('four');
      expect(document._offset - before).toBe(5);
    },
  ],
  [
    '_offsets numbers the objects by its length',
    (document) => {
      const { length } = document._offsets;
      expect(document.ref({}).id).toBe(length + 1);
      expect(document._offsets).toHaveLength(length + 1);
    },
  ],
  [
    '_waiting counts the objects not yet written',
    (document) => {
      const before = document._waiting;
      document.ref({});
      expect(document._waiting).toBe(before + 1);
    },
  ],
  ['_ended is false before the end', ({ _ended }) => expect(_ended).toBe(false)],
  [
    '_pageBuffer holds the pages, with their objects',
    (document) => {
      expect(document._pageBuffer).toEqual([document.page]);
      for (const name of ['dictionary', 'content', 'resources']) {
        expect(document.page[name]).toHaveProperty('data');
      }
    },
  ],
  [
    '_font.layoutCached is what sets words, by layoutRun',
    (document) => {
      // The standard fonts have neither: only an embedded font does.
      document.registerFont('own', font).font('own');
      expect(document._font.layoutRun('word')).toHaveProperty('glyphs');
      const words: string[] = [];
      const { layoutRun } = document._font;
      document._font.layoutCached = (word: string) => {
        words.push(word);
        return layoutRun.call(document._font, word);
      };
      document.text('one two');
      expect(words.join('')).toContain('one');
    },
  ],
  [
    'getStructTreeRoot().data.ParentTree is getStructParentTree(), with _items',
    (document) => {
      expect(document.getStructTreeRoot().data.ParentTree).toBe(document.getStructParentTree());
      expect(document.getStructParentTree()._items).toEqual({
        [document.page.structParentTreeKey]: [],
      });
    },
  ],
  [
    'openImage gives a picture with its size, which image() takes',
    (document) => {
      const picture = document.openImage(PNG.sync.write(new PNG({ width: 2, height: 3 })));
      expect([picture.width, picture.height]).toEqual([2, 3]);
      expect(() => document.image(picture, 0, 0, { width: 2, height: 3 })).not.toThrow();
    },
  ],
])('PDFKit: %s', (_name, check) => {
  check(open());
});

test.each(['_write', '_refEnd', 'flushPages', '_finalize'])('PDFKit calls %s', (method) => {
  expect(calls(method).length).toBeGreaterThan(0);
});
