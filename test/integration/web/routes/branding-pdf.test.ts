import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startApp, type TestApp } from '../../../helpers/app';
import { pngLogo, saveBranding, svgLogo, valueOf } from '../../../helpers/branding';
import { readPdf, textOfPdf } from '../../../helpers/pdf';

let folder: string;
let app: TestApp;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'brandings-'));
  app = await startApp({ brandings: folder });
});

afterEach(() => {
  app.close();
  rmSync(folder, { recursive: true });
});

const save = (path: string, fields: Record<string, string>, logo?: Buffer) =>
  saveBranding(app, path, fields, logo);

describe('a branding in PDFs', () => {
  test('changes pages, print and PDF of sheets made after it', async () => {
    const saved = await save('/branding', { host_name: 'Rämi & Söhne', sheet_note: 'Open <late>' });
    expect([saved.status, saved.headers.location]).toEqual([303, '/branding?saved=1']);
    expect((await app.get('/branding?saved=1')).text).toContain('<strong>Saved.</strong>');
    const { text } = await app.get('/domains/example.com/mailboxes/bob.example/sheet');
    expect(text).toContain('<bdi>Rämi &amp; Söhne</bdi>');
    expect(text).toContain('Open &lt;late&gt;');
    const pdf = await app
      .get('/domains/example.com/mailboxes/bob.example/sheet.pdf')
      .responseType('blob');
    expect(textOfPdf(pdf.body as Buffer)).toContain('Rämi & Söhne');
  });

  test.each(['<path d="M0 0h1e300"/>', '<path d="M0 0h4v4z" transform="scale(1e200)"/>'])(
    'refuses a logo that no PDF can draw: %s',
    async (shape) => {
      const file = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 10">${shape}</svg>`;
      const { status, text } = await save('/branding', { host_name: 'Kept' }, Buffer.from(file));
      expect([status, text]).toEqual([400, expect.stringContaining('The logo cannot be drawn')]);
      expect(valueOf(text, 'host_name')).toBe('Kept');
      const pdf = await app.get('/domains/example.com/sheets.pdf');
      expect(pdf.status).toBe(200);
    },
  );
});

describe('a logo in PDFs', () => {
  test('is embedded once for all pages', async () => {
    await save('/branding', {}, pngLogo);
    const response = await app.get('/domains/example.com/sheets.pdf').responseType('blob');
    const pdf = response.body as Buffer;
    expect(readPdf(pdf, 'qpdf', '--check')).toContain('No syntax');
    const images = readPdf(pdf, 'pdfimages', '-list')
      .split('\n')
      .filter((line) => line.includes(' image '))
      .map((line) => line.trim().split(/\s+/));
    const of = (column: number) => images.map((values) => values[column]);
    expect(of(0)).toEqual(['1', '2', '3', '4']);
    // Its size and its object number.
    expect([of(3)[0], of(4)[0]]).toEqual(['30', '10']);
    expect(new Set(of(10)).size).toBe(1);
  });

  test.each([
    ['png', pngLogo],
    ['svg', svgLogo],
  ])('has the same bytes each time: %s', async (_kind, file) => {
    const pdf = async () =>
      (await app.get('/domains/example.com/sheets.pdf').responseType('blob')).body as Buffer;
    const before = await pdf();
    await save('/branding', {}, file);
    const first = await pdf();
    expect(first).not.toEqual(before);
    expect(await pdf()).toEqual(first);
    expect(textOfPdf(first)).toBe(textOfPdf(before));
  });
});
