/** A part of a long list. Pages count from 1. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly number: number;
  /** At least 1: an empty list has one empty page. */
  readonly of: number;
  /** How many the whole list has. */
  readonly total: number;
}

/** Entries on a page, where it does not say otherwise. */
export const pageSize = 100;

/** The page of that number, or the last one where there are fewer. */
export function pageOf<T>(list: readonly T[], number: number, size = pageSize): Page<T> {
  const of = Math.max(1, Math.ceil(list.length / size));
  const current = Math.min(Math.max(1, number), of);
  const items = list.slice((current - 1) * size, current * size);
  return { items, number: current, of, total: list.length };
}
