import type { Request } from 'express';
import { asciiDomainName } from '../domain/domain-name';
import { badRequest, type HttpError } from './http-error';

const longestSearch = 200;

/** The domain in the path, ASCII and lower-case. Throws a 400 for what cannot be one. */
export function domainOf(request: Pick<Request, 'params'>): string {
  const given = request.params.domain;
  const name = typeof given === 'string' ? asciiDomainName(given) : null;
  if (name === null) throw badRequest('error_not_domain');
  return name;
}

type Parameters = Pick<Request, 'body' | 'method' | 'query'>;

/** The parameters of a request: of its form where it sends one, else of its address. */
function parametersOf(request: Parameters): Readonly<Record<string, unknown>> {
  const body = request.body as Readonly<Record<string, unknown>> | undefined;
  return request.method === 'POST' && body !== undefined ? body : request.query;
}

/** A parameter that is there once or not at all; '' where it is not. */
export function single(request: Parameters, name: string): string {
  const value = parametersOf(request)[name] ?? '';
  if (typeof value !== 'string') throw badRequest('error_once', { name });
  return value;
}

/** A parameter that may be repeated. */
export function repeated(request: Request, name: string): string[] {
  const value = parametersOf(request)[name] ?? [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((one): one is string => typeof one === 'string');
}

export function searchOf(request: Request): string {
  const search = single(request, 'q').trim();
  if (search.length > longestSearch) {
    throw badRequest('error_search_long', { count: longestSearch });
  }
  return search;
}

/** The number of a page, from 1. */
export function pageNumberOf(request: Request): number {
  const page = single(request, 'page') || '1';
  if (!/^[1-9]\d{0,6}$/.test(page)) throw badRequest('error_page_number');
  return Number(page);
}

/** One of a few words; the first where none is given. */
export function choiceOf<T extends string>(
  request: Request,
  name: string,
  choices: readonly [T, ...T[]],
): T {
  const value = single(request, name) || choices[0];
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw badChoice(name, choices);
  return found;
}

/** What to throw where a parameter is none of a few words. */
export function badChoice(name: string, choices: readonly string[]): HttpError {
  return badRequest('error_choice', { name, choices: choices.join(', ') });
}

/**
 * The address of the same page with some parameters changed; an empty value takes one out. Relative,
 * so that it holds wherever the app is mounted.
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
