import { isDomainName } from '../domain/domain-name';
import type { Protocol, Role, Service } from '../domain/client-settings';
import { securities, type Security } from '../domain/policy';
import { md5Of, type AnsweringDomain } from './answer';

/** The form of the file. A reader refuses any other one, so that it never serves what it misreads. */
export const snapshotFormat = 1;

/** What strangers may be told about a host's mailboxes, at one time. Holds no names and no secrets. */
export interface Snapshot {
  /** Milliseconds since 1970. */
  readonly takenAt: number;
  readonly domains: ReadonlyMap<string, AnsweringDomain>;
}

/** A domain in the file. */
export interface SnapshotDomain {
  readonly answers: AnsweringDomain['answers'];
  readonly incoming: readonly Service[];
  readonly outgoing: readonly Service[];
  readonly styles: AnsweringDomain['styles'];
  /** The login of each address of the domain, by the part before the @ in lower case. */
  readonly logins: Readonly<Record<string, string>>;
  /** An alias domain has the addresses of this one, too; null for other domains, and where this one is not told. */
  readonly aliasOf: string | null;
}

export type SnapshotDomains = Readonly<Record<string, SnapshotDomain>>;

/** The text of the file. */
export function snapshotText(takenAt: number, domains: SnapshotDomains): string {
  return JSON.stringify({ format: snapshotFormat, takenAt, domains });
}

/** The file was not written by this version, or is damaged. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
}

/** Reads the text of the file. Throws SnapshotError; never returns a part of it. */
export function parseSnapshot(text: string): Snapshot {
  const { format, takenAt, domains } = object(json(text), 'the file');
  if (format !== snapshotFormat) throw new SnapshotError(`its format is not ${snapshotFormat}`);
  if (typeof takenAt !== 'number') throw new SnapshotError('takenAt is not a number');
  const read = new Map(
    Object.entries(object(domains, 'domains')).map(([name, domain]) => [
      name,
      readDomain(name, domain),
    ]),
  );
  const answering = [...read].map(([name, domain]): [string, AnsweringDomain] => {
    const { logins, ...rest } = domain;
    const { aliasOf } = rest;
    const target = aliasOf === null ? undefined : read.get(aliasOf)?.logins;
    const loginOf = (local: string) => logins.get(local) ?? target?.get(local);
    let locals: ReadonlyMap<string, string> | undefined;
    const localOf = (md5: string) => {
      locals ??= byMd5(name, [...logins.keys(), ...(target?.keys() ?? [])]);
      return locals.get(md5);
    };
    return [name, { name, ...rest, loginOf, localOf }];
  });
  return { takenAt, domains: new Map(answering) };
}

/** The parts before the @ of a domain's addresses, by the MD5 of the address. */
function byMd5(domain: string, locals: readonly string[]): ReadonlyMap<string, string> {
  return new Map(locals.map((local) => [md5Of(`${local}@${domain}`), local]));
}

function readDomain(name: string, given: unknown) {
  if (!isDomainName(name)) throw new SnapshotError('a name is not a domain name');
  const { answers, incoming, outgoing, styles, logins, aliasOf } = object(given, name);
  if (answers !== 'login' && answers !== 'address') throw new SnapshotError(`${name}: answers`);
  if (aliasOf !== null && typeof aliasOf !== 'string') throw new SnapshotError(`${name}: aliasOf`);
  return {
    answers,
    incoming: services(incoming, name),
    outgoing: services(outgoing, name),
    styles: list(styles, name).map((style) => {
      const { before, after, mailboxes } = object(style, name);
      if (
        typeof before !== 'string' ||
        typeof after !== 'string' ||
        typeof mailboxes !== 'number'
      ) {
        throw new SnapshotError(`${name}: styles`);
      }
      return { before, after, mailboxes };
    }),
    logins: new Map(
      Object.entries(object(logins, name)).map(([local, login]) => {
        if (typeof login !== 'string') throw new SnapshotError(`${name}: logins`);
        return [local, login];
      }),
    ),
    aliasOf,
  } as const;
}

const protocols: readonly Protocol[] = ['imap', 'pop3', 'submission'];

const roles: readonly Role[] = ['recommended', 'fallback', 'alternative'];

function services(given: unknown, name: string): Service[] {
  const read = list(given, name).map((one): Service => {
    const { protocol, host, port, security, role } = object(one, name);
    const known =
      protocols.includes(protocol as Protocol) &&
      securities.includes(security as Security) &&
      roles.includes(role as Role) &&
      typeof host === 'string' &&
      isDomainName(host) &&
      Number.isInteger(port);
    if (!known) throw new SnapshotError(`${name}: a service`);
    return {
      protocol: protocol as Protocol,
      host,
      port: port as number,
      security: security as Security,
      authentication: 'normal-password',
      role: role as Role,
    };
  });
  if (read.length === 0) throw new SnapshotError(`${name}: no service`);
  return read;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    throw new SnapshotError('it is not JSON');
  }
}

function object(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SnapshotError(`${what} is not an object`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new SnapshotError(`${what}: not a list`);
  return value;
}
