import { performance } from 'node:perf_hooks';

/** Records which results are still awaited, so that a check stops when no request waits for it. */
export class WaitList {
  /** By key: when each waiting request stops waiting, on the monotonic clock. */
  readonly #waiting = new Map<string, Set<{ until: number }>>();

  /**
   * Registers a request that waits for `keys`, for so many milliseconds (Infinity: until released) or until
   * `signal` aborts. Returns the function that releases it.
   */
  add(keys: readonly string[], milliseconds: number, signal?: AbortSignal): () => void {
    const entry = { until: performance.now() + milliseconds };
    for (const key of keys) {
      // Removes expired entries: `has` may otherwise not be called for a long time.
      this.has(key);
      const others = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, others.add(entry));
    }
    const release = () => {
      signal?.removeEventListener('abort', release);
      entry.until = 0;
      for (const key of keys) this.has(key);
    };
    if (signal?.aborted === true) release();
    signal?.addEventListener('abort', release);
    return release;
  }

  /** Whether any request waits for `key`. */
  has(key: string): boolean {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return false;
    const now = performance.now();
    for (const entry of waiting) if (entry.until <= now) waiting.delete(entry);
    if (waiting.size === 0) this.#waiting.delete(key);
    return waiting.size > 0;
  }
}
