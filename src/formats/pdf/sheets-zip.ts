import { buffer } from 'node:stream/consumers';
import { PassThrough, type Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import type { ClientSettings } from '../../domain/client-settings';
import { fileName } from '../file-name';
import type { Sheet } from '../sheet';
import { sheetsPdf, type SheetsPdf } from './sheets-pdf';

/** Sheets to be put into a ZIP archive, each in a PDF of its own. */
export interface SheetsZip extends Omit<SheetsPdf, 'title' | 'sheets'> {
  /** The mailbox of each sheet. */
  readonly settings: readonly ClientSettings[];
  readonly sheets: readonly (() => Sheet)[];
}

/** The earliest date that a ZIP archive can hold, as every zone of the clock has it. */
const firstOfZip = Date.UTC(1980, 0, 2);

/**
 * A ZIP archive with a PDF for each sheet, named after the address, and `no-sheet.txt` that says who
 * has none and why. Written as it is read; the same sheets give the same bytes.
 */
export function sheetsZip(job: SheetsZip): Readable {
  const zip = new ZipFile();
  const out = zip.outputStream.pipe(new PassThrough());
  fill(zip, out, job).catch((error: unknown) => {
    out.destroy(error instanceof Error ? error : new Error('failed'));
  });
  return out;
}

async function fill(zip: ZipFile, out: PassThrough, job: SheetsZip): Promise<void> {
  const { settings, sheets, without, asOf, signal, texts } = job;
  // The PDFs are compressed already.
  const options = {
    mtime: new Date(Math.max(asOf, firstOfZip)),
    forceDosTimestamp: true,
    compress: false,
  };
  const used = new Set<string>();
  for (const [index, sheet] of sheets.entries()) {
    const address = settings[index]?.emailAddress ?? '';
    const pdf = sheetsPdf({
      ...job,
      title: `${texts.text('sheet_title')}: ${address}`,
      sheets: [sheet],
      without: [],
      progress: () => undefined,
    });
    zip.addBuffer(await buffer(pdf), uniqueName(address, used), options);
    job.progress(index + 1);
    while (out.writableNeedDrain && !signal.aborted && !out.destroyed) await drained(out);
    if (signal.aborted || out.destroyed) {
      out.destroy();
      return;
    }
  }
  if (without.length > 0) {
    const list = without.map(({ name, reason }) => `${name}: ${reason}\r\n`).join('');
    zip.addBuffer(Buffer.from(list), 'no-sheet.txt', options);
  }
  zip.end();
}

/** Resolves when the buffer has room again, or when the reader has gone. */
function drained(out: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of ['drain', 'close', 'error']) out.off(event, done);
      resolve();
    };
    for (const event of ['drain', 'close', 'error']) out.once(event, done);
  });
}

/** Names that also differ on systems that ignore the case of letters. */
function uniqueName(address: string, used: Set<string>): string {
  const base = fileName(address);
  for (let number = 1; ; number++) {
    const name = `${base}${number === 1 ? '' : `-${number}`}.pdf`;
    if (used.has(name.toLowerCase())) continue;
    used.add(name.toLowerCase());
    return name;
  }
}
