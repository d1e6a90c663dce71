import { stringify } from 'csv-stringify/sync';
import { byRole, type ClientSettings, type Service } from '../domain/client-settings';
import type { HostObservations } from '../domain/observation';
import type { PageTexts } from '../texts/page-texts';
import { endpointName, observationWords } from './check-words';
import { securityNames } from './words';

const columns = [
  'E-mail address',
  'User name',
  'User name is the e-mail address',
  'Real name',
  'Other addresses',
  'Disabled',
  'Incoming server',
  'Incoming port',
  'Incoming security',
  'Incoming fallback port',
  'Incoming fallback security',
  'Outgoing server',
  'Outgoing port',
  'Outgoing security',
  'Outgoing fallback port',
  'Outgoing fallback security',
  'Warnings',
  'Forwards to',
  'Readable address',
];

/** The names of the separators of a CSV file. */
export const separators = ['comma', 'semicolon'] as const;

export type Separator = (typeof separators)[number];

/**
 * The separator that spreadsheets expect in a language: the semicolon where the comma is the decimal mark, as in
 * German, French and Dutch. A first line `sep=;` would do in Excel alone, and Excel then reads UTF-8 wrongly.
 */
export function separatorIn(language: string): Separator {
  return new Intl.NumberFormat(language).format(0.5).includes(',') ? 'semicolon' : 'comma';
}

/**
 * A table for spreadsheets: RFC 4180, but for the separator, with a byte order mark, without which spreadsheets do
 * not recognise UTF-8. What would be a formula is prefixed with `'`, also where a spreadsheet splits the cell at the
 * other separator: a login that begins with `=`, `+`, `-` or `@` must therefore not be copied from this file.
 */
export function mailboxesCsv(all: readonly ClientSettings[], separator: Separator): string {
  const rows = all.map((settings) => [
    settings.emailAddress,
    settings.login,
    yesNo(settings.loginIsEmailAddress),
    settings.realName,
    settings.extraAddresses.join(' '),
    yesNo(settings.disabled),
    ...cells(settings.incoming),
    ...cells(settings.outgoing),
    settings.warnings.join(' '),
    settings.delivery.forwardsTo.join(' '),
    settings.readableAddress ?? '',
  ]);
  return csv([columns, ...rows], separator);
}

/** A mail host with its checks. */
interface MailHostRow {
  readonly host: string;
  readonly domains: readonly string[];
  readonly observations: HostObservations | null;
}

/** Every port of every mail host, for spreadsheets, in the same form. */
export function serversCsv(
  hosts: readonly MailHostRow[],
  t: PageTexts,
  separator: Separator,
): string {
  const head = [
    ...['servers_host', 'servers_domains', 'check_service', 'check_seen', 'check_do'],
    ...['check_until', 'page_as_of'],
  ].map((key) => t.text(key));
  const rows = hosts.flatMap(({ host, domains, observations }) =>
    (observations?.services ?? []).map((observation) => {
      const words = observationWords(observation, t);
      return [
        host,
        domains.join(' '),
        endpointName(observation.endpoint, t),
        words.map((one) => one.finding).join('; '),
        words.flatMap((one) => (one.remedy === '' ? [] : one.remedy)).join(' '),
        observation.certificate === null ? '' : iso(observation.certificate.until),
        observations === null ? '' : iso(observations.asOf),
      ];
    }),
  );
  return csv([head, ...rows], separator);
}

function csv(rows: readonly (readonly (string | number)[])[], separator: Separator): string {
  return stringify(
    rows.map((row) => row.map(withoutHiddenFormulas)),
    {
      bom: true,
      delimiter: separator === 'comma' ? ',' : ';',
      // LibreOffice splits at commas, semicolons and tabs, but not within quotes.
      quoted_match: /[,;\t]/,
      record_delimiter: 'windows',
      escape_formulas: true,
    },
  );
}

/** A spreadsheet that splits at the other separator would find a formula in the middle of a cell. */
function withoutHiddenFormulas(cell: string | number): string | number {
  return typeof cell === 'number' ? cell : cell.replace(/[;,\t](?=[\s"]*[=+\-@＝＋－＠])/g, "$&'");
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

function yesNo(value: boolean): string {
  return value ? 'yes' : 'no';
}

function cells(services: readonly Service[]): (string | number)[] {
  const { recommended, fallback } = byRole(services);
  return [
    recommended.host,
    ...[recommended, fallback].flatMap((service) =>
      service === null ? ['', ''] : [service.port, securityNames[service.security]],
    ),
  ];
}
