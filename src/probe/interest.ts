import { performance } from 'node:perf_hooks';

/** Who still waits for what. Work that nobody waits for any more is not worth going on with. */
export class Interest {
  /** Until when somebody waits, on the monotonic clock: one entry for each who does. */
  readonly #waiting = new Map<string, Set<{ until: number }>>();

  /**
   * Somebody waits for `keys`, for so many milliseconds (Infinity: until they are released), and not once
   * `signal` has aborted. Returns what releases them.
   */
  in(keys: readonly string[], milliseconds: number, signal?: AbortSignal): () => void {
    const one = { until: performance.now() + milliseconds };
    for (const key of keys) {
      // Those whose time is over: nobody may ask about a key for days that is waited for again and again.
      this.is(key);
      const others = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, others.add(one));
    }
    const release = () => {
      signal?.removeEventListener('abort', release);
      one.until = 0;
      for (const key of keys) this.is(key);
    };
    if (signal?.aborted === true) release();
    signal?.addEventListener('abort', release);
    return release;
  }

  /** Whether anybody waits for it. */
  is(key: string): boolean {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return false;
    const now = performance.now();
    for (const one of waiting) if (one.until <= now) waiting.delete(one);
    if (waiting.size === 0) this.#waiting.delete(key);
    return waiting.size > 0;
  }
}
