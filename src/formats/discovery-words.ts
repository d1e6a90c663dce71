import type { Fault, LookupResult, Search, AdvertisedServer } from '../domain/discovery';
import type { PageTexts } from '../texts/page-texts';
import { textKey } from '../texts/message';
import { protocolNames, securityNames } from './words';

export const clientNames: Readonly<Record<Search['client'], string>> = {
  thunderbird: 'Thunderbird',
  outlook: 'Outlook',
};

/** An advertised server in one line. */
export function advertisedName(
  { protocol, host, port, security }: AdvertisedServer,
  { text }: PageTexts,
): string {
  const server = { protocol: protocolNames[protocol], host, port };
  return security === null
    ? text('find_told_plain', server)
    : text('find_told', { ...server, security: securityNames[security] });
}

/** The result of a client's request to one URL, in words. */
export function foundWords(found: LookupResult, { text }: PageTexts): string {
  switch (found.kind) {
    case 'servers':
      return found.servers.length === 1
        ? text('find_names_one')
        : text('find_names_many', { count: found.servers.length });
    case 'nothing':
      return text('find_http', { status: found.status });
    case 'not-understood':
      return text('find_not_understood');
    case 'leads-elsewhere':
      return text('find_leads_elsewhere', { to: found.to });
    case 'unreachable':
      return text(textKey('find', found.why));
  }
}

/** A fault of an advertised server, in words. */
export function faultWords(fault: Fault, login: string, { text }: PageTexts): string {
  const values = fault.kind === 'login' ? { told: fault.advertised, login } : {};
  return text(textKey('find_fault', fault.kind), values);
}
