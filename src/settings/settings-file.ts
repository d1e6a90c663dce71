import { readFileSync } from 'node:fs';
import { asciiDomainName } from '../domain/domain-name';
import type { MailPolicies, MailPolicy } from '../domain/policy';
import { keyValueLines } from '../texts/key-value';
import { message, type Message } from '../texts/message';
import { bad, good, readTable, type Parsed } from './setting';
import {
  brandingOf,
  brandingSettings,
  contradictionIn,
  defaultPolicy,
  policyOf,
  settings,
} from './settings';

/** What is wrong with a line of the settings. */
export interface LineProblem {
  /** From 1. */
  readonly line: number;
  readonly problem: Message;
}

/** A setting as it is written in the file. */
interface Entry {
  readonly line: number;
  /** The key as it is written, with the domain. */
  readonly name: string;
  readonly text: string;
}

/** By key. */
type Entries = ReadonlyMap<string, Entry>;

/** The policies without any settings. */
export const defaultPolicies: MailPolicies = { general: defaultPolicy, byDomain: new Map() };

/** Reads the mail policies from a settings file. */
export function readSettingsFile(file: string): Parsed<MailPolicies> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    return bad('setting_file_unreadable', { file, code });
  }
  const text = utf8(bytes);
  if (text === null) return bad('setting_file_encoding', { file });
  const parsed = parseSettings(text);
  if ('policies' in parsed) return good(parsed.policies);
  return bad('setting_in_file', { file, line: parsed.line, problem: parsed.problem });
}

/** The text without a byte order mark; null if the bytes are not UTF-8, such as those of UTF-16 and Latin-1. */
function utf8(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/**
 * Reads the mail policies from settings in Webmin's format: `key=value` a line, `#` begins a comment line.
 * `key@domain=value` overrides a key for one domain. Stops at the first problem.
 */
export function parseSettings(text: string): { readonly policies: MailPolicies } | LineProblem {
  const general = new Map<string, Entry>();
  const overrides = new Map<string, Map<string, Entry>>();
  for (const { number, key: name, value } of keyValueLines(text)) {
    if (value === null) return { line: number, problem: message('setting_no_value') };
    const [key = '', ...rest] = name.split('@');
    if (!Object.hasOwn(settings, key)) {
      return { line: number, problem: message('setting_unknown', { key: JSON.stringify(key) }) };
    }
    const entry = { line: number, name, text: value };
    if (rest.length === 0) {
      const before = general.get(key);
      if (differ(before, entry)) return setTwice(before, entry);
      general.set(key, entry);
      continue;
    }
    const written = rest.join('@');
    const domain = asciiDomainName(written);
    if (domain === null) {
      const values = { domain: JSON.stringify(written) };
      return { line: number, problem: message('setting_no_domain', values) };
    }
    const own = overrides.get(domain) ?? new Map<string, Entry>();
    const before = own.get(key);
    if (differ(before, entry)) return setTwice(before, entry);
    overrides.set(domain, own.set(key, entry));
  }
  const policy = readPolicy(general);
  if ('problem' in policy) return policy;
  const byDomain = new Map<string, MailPolicy>();
  for (const [domain, own] of overrides) {
    const merged = readPolicy(new Map([...general, ...own]));
    if ('problem' in merged) return merged;
    const { values } = readTable(brandingSettings, (key) => own.get(key)?.text);
    byDomain.set(domain, { ...merged.policy, branding: brandingOf(values) });
  }
  return { policies: { general: policy.policy, byDomain } };
}

function differ(before: Entry | undefined, { text }: Entry): before is Entry {
  return before !== undefined && before.text !== text;
}

/** A key that is set again: whoever corrected the other line would see no change. */
function setTwice(before: Entry, { line, name }: Entry): LineProblem {
  return { line, problem: message('setting_twice', { key: name, line: before.line }) };
}

function readPolicy(entries: Entries): { readonly policy: MailPolicy } | LineProblem {
  const { values, problems } = readTable(settings, (key) => entries.get(key)?.text);
  for (const [key, problem] of problems) return problemOf(entries, [key], problem);
  const contradiction = contradictionIn(values);
  return contradiction === null
    ? { policy: policyOf(values) }
    : problemOf(entries, contradiction.keys, contradiction.problem);
}

/** A problem at the last of some keys that is set. One must be: the defaults have no problem. */
function problemOf(entries: Entries, keys: readonly string[], problem: Message): LineProblem {
  const key = keys.findLast((one) => entries.has(one));
  const entry = entries.get(key ?? '');
  if (key === undefined || entry === undefined)
    throw new Error(`none of ${keys.join(', ')} is set`);
  return { line: entry.line, problem: message('setting_problem', { key: entry.name, problem }) };
}
