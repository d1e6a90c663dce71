/** One page of a long list. Pages are numbered from 1. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly number: number;
  /** The number of pages, at least 1: an empty list has one empty page. */
  readonly of: number;
  /** The number of items in the whole list. */
  readonly total: number;
}

/** Default number of items on a page. */
export const pageSize = 100;

/** The page of that number, or the last one where there are fewer. */
export function pageOf<T>(list: readonly T[], number: number, size = pageSize): Page<T> {
  const of = Math.max(1, Math.ceil(list.length / size));
  const current = Math.min(Math.max(1, number), of);
  const items = list.slice((current - 1) * size, current * size);
  return { items, number: current, of, total: list.length };
}
