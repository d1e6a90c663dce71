import type { Request, Response } from 'express';
import { asciiDomainName } from '../domain/domain-name';
import { separators, type Separator } from '../formats/csv';
import { badRequest, type HttpError } from './http-error';
import { isMailboxOwner } from './locals';

const maxSearch = 200;

/** The domain in the path, in lower-case ASCII. Throws a 400 where it is not a domain name. */
export function domainOf(request: Pick<Request, 'params'>): string {
  const given = request.params.domain;
  const name = typeof given === 'string' ? asciiDomainName(given) : null;
  if (name === null) throw badRequest('error_not_domain');
  return name;
}

/** What parameters are read from. */
export type Parameters = Pick<Request, 'body' | 'method' | 'query'>;

/** The parameters of a request: of its form for a POST, else of its query. */
function parametersOf(request: Parameters): Readonly<Record<string, unknown>> {
  const body = request.body as Readonly<Record<string, unknown>> | undefined;
  return request.method === 'POST' && body !== undefined ? body : request.query;
}

/** A parameter that occurs at most once; '' where it is absent. */
export function single(request: Parameters, name: string): string {
  const value = parametersOf(request)[name] ?? '';
  if (typeof value !== 'string') throw badRequest('error_once', { name });
  return value;
}

/** A parameter that may be repeated. */
export function repeated(request: Parameters, name: string): string[] {
  const value = parametersOf(request)[name] ?? [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((one): one is string => typeof one === 'string');
}

/**
 * The logins that a request chooses: those of ticked rows (`login`, repeated), and those chosen on other
 * pages of the list (`chosen`, with spaces between them: a login contains none).
 */
export function chosenLogins(request: Parameters): string[] {
  return [...single(request, 'chosen').split(' ').filter(Boolean), ...repeated(request, 'login')];
}

/**
 * The logins that a request names: the one in its path, or those that it chooses. None for a
 * mailbox owner: users without a mailbox would cause a call to Virtualmin every five seconds.
 */
export function loginsOf(request: Request, response: Pick<Response, 'locals'>): string[] {
  if (isMailboxOwner(response)) return [];
  const { login } = request.params;
  return typeof login === 'string' ? [login] : chosenLogins(request);
}

export function searchOf(request: Parameters): string {
  const search = single(request, 'q').trim();
  if (search.length > maxSearch) {
    throw badRequest('error_search_long', { count: maxSearch });
  }
  return search;
}

/** The number of a page, from 1. */
export function pageNumberOf(request: Parameters): number {
  const page = single(request, 'page') || '1';
  if (!/^[1-9]\d{0,6}$/.test(page)) throw badRequest('error_page_number');
  return Number(page);
}

/** A parameter that is one of `choices`; the first choice where it is absent. */
export function choiceOf<T extends string>(
  request: Parameters,
  name: string,
  choices: readonly [T, ...T[]],
): T {
  const value = single(request, name) || choices[0];
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw badChoice(name, choices);
  return found;
}

/** The separator of a CSV file, which is in the query of the URL even where a form is sent. */
export function separatorOf({ query }: Pick<Request, 'query'>): Separator {
  return choiceOf({ query, body: undefined, method: 'GET' }, 'separator', separators);
}

/** The error for a parameter with a value that is not allowed. */
export function badChoice(name: string, choices: readonly string[]): HttpError {
  return badRequest('error_choice', { name, choices: choices.join(', ') });
}

/**
 * The URL of the same page with some parameters changed; an empty value removes one. The URL is relative,
 * so that it is valid wherever the app is mounted.
 */
export function sameWith(request: Request, changes: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query)) {
    if (typeof value === 'string' && !(name in changes)) query.append(name, value);
    if (Array.isArray(value)) for (const one of repeated(request, name)) query.append(name, one);
  }
  for (const [name, value] of Object.entries(changes)) if (value !== '') query.append(name, value);
  if (query.size > 0) return `?${query.toString()}`;
  const [path = ''] = request.originalUrl.split('?', 1);
  return `./${path.slice(path.lastIndexOf('/') + 1)}`;
}
