import { statSync } from 'node:fs';

/** Changes with a file; the error's code where there is none, or where it cannot be reached. */
export function fileState(path: string): string {
  try {
    const { ino, mtimeMs, size } = statSync(path);
    return `${ino} ${mtimeMs} ${size}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}
