import type { Request, Response } from 'express';
import type { Dependencies } from '../dependencies';
import type { Branding, Paper } from '../domain/branding';
import { decideAllClientSettings, type ClientSettings } from '../domain/client-settings';
import type { NoMailReason } from '../domain/mailbox';
import { whyNoSheet, type NoSheetReason } from '../domain/sheets';
import { clientIds } from '../formats/guides';
import type { Sheet } from '../formats/sheet';
import type { Fonts } from '../formats/pdf/fonts';
import { withoutKey } from '../formats/words';
import { conflict, notFound } from './http-error';
import type { Cached } from '../cache/cache';
import type { Texts } from '../texts/languages';
import type { Domain } from '../virtualmin/directory';
import { freshObservations } from '../probe/observed-policy';
import { badChoice, choiceOf, repeated, single } from './query';
import type { Selection } from './selection';
import { clientLeft } from './client-left';

/** The sheets of a request, independent of the output format. */
export interface SheetJob {
  readonly domain: string;
  readonly branding: Branding;
  readonly texts: Texts;
  readonly paper: Paper;
  /** Milliseconds since 1970. */
  readonly asOf: number;
  readonly settings: readonly ClientSettings[];
  /** One function for each of `settings`, which makes the sheet: thousands of sheets would fill the memory. */
  readonly sheets: readonly (() => Sheet)[];
  /** The selected mailboxes and users without a sheet, with the reason in the sheets' language; deleted ones too. */
  readonly without: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * The sheets of the selected mailboxes, made as the request says: `lang`, `paper`, and `client`
 * (repeated; an empty one says that those given are all). Waits for the checks of the mail servers.
 */
export async function sheetJob(
  request: Request,
  response: Response,
  { value: { server, users }, asOf }: Cached<Domain>,
  selection: Selection,
  dependencies: Pick<Dependencies, 'policies' | 'languages' | 'probes'>,
): Promise<SheetJob> {
  if (users.mailboxes.length === 0) throw notFound('error_no_mailboxes', { domain: server.name });
  const { policy, observations } = await freshObservations(
    dependencies,
    server,
    clientLeft(response),
  );
  const hosts = policy.branding;
  const texts = languageOf(request, hosts, dependencies);
  const clients = clientsOf(request) ?? hosts.clients;
  const branding = { ...hosts, clients };
  const paper = choiceOf(
    request,
    'paper',
    hosts.paper === 'letter' ? ['letter', 'a4'] : ['a4', 'letter'],
  );

  const settings: ClientSettings[] = [];
  const without: { name: string; reason: string }[] = [];
  const say = (reason: NoMailReason | NoSheetReason) => texts.text(withoutKey(reason));
  const selected = decideAllClientSettings(selection.mailboxes, server, policy, observations);
  for (const one of selected) {
    const reason = whyNoSheet(one);
    if (reason === null) settings.push(one);
    else without.push({ name: one.emailAddress, reason: say(reason) });
  }
  for (const login of selection.missing) {
    without.push({ name: login, reason: texts.text('without_missing') });
  }
  if (selection.all) {
    for (const user of users.withoutMail) {
      without.push({ name: user.login, reason: say(user.reason) });
    }
  }
  // Imported, with the library for QR codes, when the first sheet is requested.
  const { sheetOf } = await import('../formats/sheet');
  const sheets = settings.map((one) => () => sheetOf(one, branding, texts, asOf));
  return { domain: server.name, branding, texts, paper, asOf, settings, sheets, without };
}

/** The first sheet of a job and the settings on it. Throws a 409 with the reason where there is no sheet. */
export function firstSheet({ sheets, settings, without }: SheetJob): {
  readonly makeSheet: () => Sheet;
  readonly settings: ClientSettings;
} {
  const [makeSheet] = sheets;
  const [first] = settings;
  if (makeSheet !== undefined && first !== undefined) return { makeSheet, settings: first };
  const [{ name, reason } = { name: '', reason: '' }] = without;
  throw conflict('error_no_sheet', 'error_no_sheet_why', { name, reason });
}

/** The title of a PDF with sheets, which PDF readers show. */
export function pdfTitle({ texts }: SheetJob, subject: string): string {
  return `${texts.text('sheet_title')}: ${subject}`;
}

/** The fonts of PDFs, opened once because that takes long. */
export function openFonts({ fonts }: Pick<Dependencies, 'fonts'>): Promise<Fonts> {
  const known = opened.get(fonts);
  const font = known ?? import('../formats/pdf/fonts').then(({ Fonts }) => new Fonts(fonts));
  if (known === undefined) opened.set(fonts, font);
  return font;
}

const opened = new Map<string, Promise<Fonts>>();

function languageOf(
  request: Request,
  { language }: Branding,
  { languages }: Pick<Dependencies, 'languages'>,
): Texts {
  const code = single(request, 'lang');
  if (code === '') return languages.find(language ?? '') ?? languages.english;
  const found = languages.find(code);
  if (found !== null) return found;
  throw badChoice(
    'lang',
    languages.all.map((one) => one.code),
  );
}

/** Null where the request names none: the branding's clients are used. */
function clientsOf(request: Request): string[] | null {
  const given = repeated(request, 'client');
  if (given.length === 0) return null;
  const clients = given.filter((id) => id !== '');
  const unknown = clients.find((id) => !clientIds.includes(id));
  if (unknown !== undefined) throw badChoice('client', clientIds);
  return clients;
}
