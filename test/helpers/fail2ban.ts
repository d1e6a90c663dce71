import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The lines of a log that a filter of Debian's fail2ban, such as `postfix[mode=auth]`, counts as failures. */
export function failuresIn(log: string, filter: string): Set<string> {
  const folder = mkdtempSync(join(tmpdir(), 'fail2ban-'));
  try {
    const file = join(folder, 'mail.log');
    writeFileSync(file, log);
    const options = ['--print-all-matched', '--print-no-missed', '--print-no-ignored'];
    const output = execFileSync('fail2ban-regex', [...options, file, filter], { encoding: 'utf8' });
    return new Set([...output.matchAll(/^\| {2}(\w{3} .*)$/gm)].map(([, line = '']) => line));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
