import { setTimeout } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';

/** An answer of the server, with its time. */
export interface Cached<T> {
  readonly value: T;
  /** Milliseconds since 1970. */
  readonly asOf: number;
}

/** The state of a key for a page. */
export type Look<T> =
  | {
      readonly kind: 'answer';
      readonly answer: Cached<T>;
      /** True while a newer answer is being loaded. */
      readonly refreshing: boolean;
      /** The error of the last attempt to load a newer answer; null where it succeeded. */
      readonly failure: unknown;
    }
  | { readonly kind: 'waiting'; readonly since: number }
  | { readonly kind: 'failed'; readonly failure: unknown };

export interface CacheOptions<T> {
  /** Requests an answer from the server. */
  readonly load: (key: string) => Promise<T>;
  /** The size of an answer, in the unit of `capacity`. At least 1. */
  readonly sizeOf: (value: T) => number;
  /** Limit for the total size of all cached answers. */
  readonly capacity: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds for which an answer counts as fresh. Default: `freshFor`. */
  readonly freshFor?: number;
  /** Whether the next look returns a failure; if not, it loads again. Default: every failure is kept. */
  readonly keepFailure?: (failure: unknown) => boolean;
}

/** Milliseconds for which an answer counts as fresh. */
export const freshFor = 60_000;

/** Milliseconds after which an answer is no longer shown. */
export const keptFor = 15 * 60_000;

/** Milliseconds for which looks return a failure before one of them loads again. */
const failureKeptFor = 15_000;

/** Limit for the number of kept failures, because keys come from requests. */
const maxFailures = 500;

interface Call<T> {
  readonly since: number;
  readonly answer: Promise<Cached<T>>;
}

/** Answers in memory, by key. Concurrent requests for a key share one call to the server. */
export class Cache<T> {
  readonly #kept: LRUCache<string, Cached<T>>;
  readonly #failures = new LRUCache<string, { at: number; failure: unknown }>({
    max: maxFailures,
  });
  readonly #calls = new Map<string, Call<T>>();

  readonly #freshFor: number;

  constructor(private readonly options: CacheOptions<T>) {
    this.#freshFor = options.freshFor ?? freshFor;
    this.#kept = new LRUCache({
      maxSize: options.capacity,
      // Limited to the capacity: a larger answer would never be cached, and every look would load it.
      sizeCalculation: ({ value }) =>
        Math.min(options.capacity, Math.max(1, options.sizeOf(value))),
    });
  }

  /**
   * For a page: returns a cached answer immediately and loads a new one in the background if it is older
   * than `freshFor`. Without a cached answer it waits up to `maxWait` milliseconds. Ignores answers older
   * than `notBefore`. Never rejects.
   */
  async look(key: string, maxWait: number, notBefore = 0): Promise<Look<T>> {
    const kept = this.#newest(key, notBefore);
    const failed = this.#failures.get(key);
    const failure = failed?.failure ?? null;
    const failedLately = failed !== undefined && this.#age(failed.at) < failureKeptFor;
    if (kept !== null) {
      const refresh = this.#age(kept.asOf) > this.#freshFor && !failedLately;
      if (refresh) void this.refresh(key);
      return { kind: 'answer', answer: kept, refreshing: this.#calls.has(key), failure };
    }
    if (failedLately && !this.#calls.has(key)) return { kind: 'failed', failure };
    const call = this.#call(key);
    const outcome = call.answer.then(
      (answer): Look<T> => ({ kind: 'answer', answer, refreshing: false, failure: null }),
      (error: unknown): Look<T> => ({ kind: 'failed', failure: error }),
    );
    return Promise.race([
      outcome,
      setTimeout<Look<T>>(maxWait, { kind: 'waiting', since: call.since }, { ref: false }),
    ]);
  }

  /**
   * For files, sheets and mails: an answer at most `freshFor` old and not older than `notBefore`. Rejects
   * as `load` does.
   */
  async fresh(key: string, notBefore = 0): Promise<Cached<T>> {
    const oldest = Math.max(this.options.now() - this.#freshFor, notBefore);
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.asOf >= oldest) return kept;
    return this.#call(key).answer;
  }

  /** When the current call began, in milliseconds since 1970; the current time where there is none. */
  waitingSince(key: string): number {
    return this.#calls.get(key)?.since ?? this.options.now();
  }

  /** Loads a new answer and keeps the old one until then. Never rejects: the next look returns the failure. */
  async refresh(key: string): Promise<void> {
    await this.#call(key).answer.catch(() => undefined);
  }

  /** Drops all failures, so that the next look loads again. */
  forgetFailures(): void {
    this.#failures.clear();
  }

  #newest(key: string, notBefore: number): Cached<T> | null {
    const kept = this.#kept.get(key);
    if (kept === undefined || kept.asOf < notBefore) return null;
    if (this.#age(kept.asOf) <= keptFor) return kept;
    this.#kept.delete(key);
    return null;
  }

  #age(time: number): number {
    return this.options.now() - time;
  }

  #call(key: string): Call<T> {
    const inFlight = this.#calls.get(key);
    if (inFlight !== undefined) return inFlight;
    const since = this.options.now();
    const call = { since, answer: this.#ask(key) };
    this.#calls.set(key, call);
    return call;
  }

  async #ask(key: string): Promise<Cached<T>> {
    try {
      const value = await this.options.load(key);
      const answer = { value, asOf: this.options.now() };
      this.#kept.set(key, answer);
      this.#failures.delete(key);
      return answer;
    } catch (failure) {
      const { keepFailure } = this.options;
      if (keepFailure === undefined || keepFailure(failure)) {
        this.#failures.set(key, { at: this.options.now(), failure });
      }
      throw failure;
    } finally {
      this.#calls.delete(key);
    }
  }
}
