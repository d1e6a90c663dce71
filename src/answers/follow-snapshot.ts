import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { fileState } from '../settings/file-state';
import { parseSnapshot, SnapshotError, type Snapshot } from './snapshot';

/** Milliseconds after which a snapshot is old: it is taken every 15 minutes. */
const oldAfter = 3_600_000;

/**
 * The snapshot in a file, which is read again if it has changed. Null while there has been none that can be read. A
 * new one that cannot be read, and one that is old, are logged once; the last good one stays.
 */
export function followSnapshot(
  file: string,
  now: () => number,
  log: Pick<Logger, 'warn' | 'info'>,
): () => Snapshot | null {
  let snapshot: Snapshot | null = null;
  let known: string | null = null;
  let warned = false;
  return () => {
    const state = fileState(file);
    if (state !== known) {
      known = state;
      try {
        snapshot = parseSnapshot(readFileSync(file, 'utf8'));
        warned = false;
        log.info({ domains: snapshot.domains.size }, 'snapshot read');
      } catch (error) {
        log.warn({ reason: reasonOf(error) }, 'snapshot ignored: what was there before stays');
      }
    }
    if (snapshot !== null && !warned && now() - snapshot.takenAt > oldAfter) {
      warned = true;
      const takenAt = new Date(snapshot.takenAt).toISOString();
      log.warn({ takenAt }, 'the snapshot is old: is its timer running?');
    }
    return snapshot;
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof SnapshotError) return error.message;
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}
