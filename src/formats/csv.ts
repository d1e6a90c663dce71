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
];

/**
 * A table for spreadsheets: RFC 4180 with a byte order mark, without which spreadsheets do not recognise
 * UTF-8. A cell that would be a formula is prefixed with `'`: a login that begins with `=`, `+`, `-` or `@`
 * must therefore not be copied from this file.
 */
export function mailboxesCsv(all: readonly ClientSettings[]): string {
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
  ]);
  return stringify([columns, ...rows], {
    bom: true,
    record_delimiter: 'windows',
    escape_formulas: true,
  });
}

/** A mail host with its checks. */
interface MailHostRow {
  readonly host: string;
  readonly domains: readonly string[];
  readonly observations: HostObservations | null;
}

/** Every port of every mail host, for spreadsheets, in the same form. */
export function serversCsv(hosts: readonly MailHostRow[], t: PageTexts): string {
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
  return stringify([head, ...rows], {
    bom: true,
    record_delimiter: 'windows',
    escape_formulas: true,
  });
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
