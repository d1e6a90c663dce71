import type {
  AdvertisedServer,
  Asked,
  Fault,
  LookupResult,
  Refusal,
  Search,
  SettingsFault,
  SkippedEntry,
  SkippedServer,
} from '../domain/discovery';
import type { PageTexts } from '../texts/page-texts';
import { textKey } from '../texts/message';
import { protocolNames, securityNames } from './words';

export const clientNames: Readonly<Record<Search['client'], string>> = {
  thunderbird: 'Thunderbird',
  outlook: 'Outlook',
};

/** An advertised server in one line. */
export function advertisedName(
  { protocol, host, port, security, flaws }: AdvertisedServer,
  { text }: PageTexts,
): string {
  const server = { protocol: protocolNames[protocol], host, port: port === 0 ? '?' : port };
  if (security !== null) return text('find_told', { ...server, security: securityNames[security] });
  const unclear = flaws.includes('encryption-unclear');
  return text(unclear ? 'find_told_unclear' : 'find_told_plain', server);
}

/** The requests of a lookup, in one line. */
export function askedWords(asked: readonly Asked[]): string {
  return asked.map(({ method, url }) => `${method} ${url}`).join(' → ');
}

/** The result of a client's request to one place, in words. */
export function foundWords(found: LookupResult, t: PageTexts): string {
  const { text } = t;
  switch (found.kind) {
    case 'servers': {
      const count = found.settings.servers.length;
      return count === 1 ? text('find_names_one') : text('find_names_many', { count });
    }
    case 'nothing':
      return text('find_http', { status: found.status });
    case 'no-redirect':
      return text('find_no_redirect', { status: found.status });
    case 'leads-elsewhere':
      return text('find_leads_elsewhere', { to: found.to });
    case 'error':
      return text('find_error', { message: found.message });
    case 'refused':
      return [
        refusalWords(found.why, t),
        ...found.skipped.map((entry) => entryWords('skipped', entry, t)),
      ].join('; ');
    case 'unreachable':
      return text(textKey('find', found.why));
    case 'not-asked':
      return text(textKey('find_not_asked', found.why));
    case 'not-understood':
    case 'no-record':
      return text(textKey('find', found.kind));
  }
}

function refusalWords(why: Refusal, { text }: PageTexts): string {
  switch (why.kind) {
    case 'content-type':
      return text(why.contentType === '' ? 'find_refused_no_type' : 'find_refused_type', {
        type: why.contentType,
      });
    case 'invalid':
      return text(why.value === '' ? 'find_refused_missing' : 'find_refused_invalid', {
        ...{ what: why.what, value: why.value },
      });
    case 'other-document':
    case 'no-incoming':
    case 'no-outgoing':
      return text(textKey('find_refused', why.kind));
  }
}

/** A fault of an advertised server, in words. */
export function faultWords(fault: Fault, login: string, { text }: PageTexts): string {
  const values = fault.kind === 'login' ? { told: fault.advertised, login } : {};
  return text(textKey('find_fault', fault.kind), values);
}

/** A fault of a whole document, in words. */
export function settingsFaultWords(fault: SettingsFault, t: PageTexts): string {
  switch (fault.kind) {
    case 'skipped':
    case 'unspecified':
      return entryWords(fault.kind, fault, t);
    case 'other-account':
      return t.text('find_fault_other_account', { types: [...new Set(fault.types)].join(', ') });
    default:
      return t.text(textKey('find_fault', fault.kind));
  }
}

/** A server that a client leaves out without harm, in words. */
export function unneededWords(
  { what, value, protocol }: SkippedServer,
  { text }: PageTexts,
): string {
  return text(value === '' ? 'find_unneeded_missing' : 'find_unneeded', {
    what,
    value: value.slice(0, 100),
    protocol: protocol === null ? '' : protocolNames[protocol],
  });
}

function entryWords(
  kind: 'skipped' | 'unspecified',
  { what, value }: SkippedEntry,
  { text }: PageTexts,
): string {
  return text(value === '' ? `find_${kind}_missing` : `find_${kind}`, {
    what,
    value: value.slice(0, 100),
  });
}
