import { setTimeout } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';

/** An answer of the server and when it came. */
export interface Cached<T> {
  readonly value: T;
  /** Milliseconds since 1970. */
  readonly asOf: number;
}

/** What can be shown now. */
export type Look<T> =
  | {
      readonly kind: 'answer';
      readonly answer: Cached<T>;
      /** True while a newer one is on its way. */
      readonly refreshing: boolean;
      /** Why the last attempt at a newer one failed; null where it did not. */
      readonly failure: unknown;
    }
  | { readonly kind: 'waiting'; readonly since: number }
  | { readonly kind: 'failed'; readonly failure: unknown };

export interface CacheOptions<T> {
  /** Asks the server. */
  readonly load: (key: string) => Promise<T>;
  /** How much an answer takes, in the unit of `capacity`. At least 1. */
  readonly sizeOf: (value: T) => number;
  /** The most that all kept answers may take. */
  readonly capacity: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds for which an answer is as good as a new one, where that is not `freshFor`. */
  readonly freshFor?: number;
  /** Whether a failure is kept for the next look, which asks again by itself where it is not. Every one, where this is not given. */
  readonly keepFailure?: (failure: unknown) => boolean;
}

/** Milliseconds for which an answer is as good as a new one. */
export const freshFor = 60_000;

/** Milliseconds after which an answer is not shown any more. */
export const keptFor = 15 * 60_000;

/** Milliseconds for which a failure stands before a look asks again by itself. */
const failureKeptFor = 15_000;

/** How many failures are remembered; the keys come from outside. */
const maxFailures = 500;

interface Call<T> {
  readonly since: number;
  readonly answer: Promise<Cached<T>>;
}

/**
 * Answers kept in memory, by key. Calls in flight are shared: however many wait for a key, the
 * server is asked once.
 */
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
      // An answer too large to keep would be asked for again at every look.
      sizeCalculation: ({ value }) =>
        Math.min(options.capacity, Math.max(1, options.sizeOf(value))),
    });
  }

  /**
   * For the screen: a kept answer at once, and a new one behind it where that is older than
   * `freshFor`. Without one it waits up to `patience` milliseconds. What came before `notBefore`
   * does not count. Never rejects.
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
   * For what leaves the screen: an answer at most `freshFor` old, and not older than `notBefore`.
   * Rejects as the asking does.
   */
  async fresh(key: string, notBefore = 0): Promise<Cached<T>> {
    const oldest = Math.max(this.options.now() - this.#freshFor, notBefore);
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.asOf >= oldest) return kept;
    return this.#call(key).answer;
  }

  /** Since when the call in flight has been waiting, in milliseconds since 1970; now where there is none. */
  waitingSince(key: string): number {
    return this.#calls.get(key)?.since ?? this.options.now();
  }

  /** Asks anew; what is kept stays until the new answer is there. A failure is kept for the next look. */
  async refresh(key: string): Promise<void> {
    await this.#call(key).answer.catch(() => undefined);
  }

  /** Forgets every failure, so that the next look asks again. */
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
