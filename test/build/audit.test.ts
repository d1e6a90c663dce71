import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const program = join(__dirname, '..', '..', 'build', 'audit.mjs');

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'audit-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Runs the audit with a fake `npm` that prints the report; npm's exit code is ignored. */
function audit(report: string): Promise<{ code: number; out: string }> {
  const npm = join(folder, 'npm');
  writeFileSync(join(folder, 'report'), report);
  writeFileSync(npm, `#!/bin/sh\ncat ${folder}/report\nexit 1\n`);
  chmodSync(npm, 0o755);
  const env = { PATH: `${folder}${delimiter}${process.env.PATH ?? ''}` };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [program], { env }, (_error, out) => {
      resolve({ code: child.exitCode ?? -1, out });
    });
  });
}

test.each([
  ['nothing known', { auditReportVersion: 2, vulnerabilities: {} }, 0, /^audit: 0 packages/],
  [
    'an advisory, and a package that depends on it',
    {
      auditReportVersion: 2,
      vulnerabilities: {
        one: { name: 'one', severity: 'high', via: [{ title: 'It leaks' }], fixAvailable: true },
        two: { name: 'two', severity: 'high', via: ['one'], fixAvailable: false },
      },
    },
    1,
    /^audit: one \(high\): It leaks; .*\naudit: two \(high\): through one; .*\naudit: 2 packages/,
  ],
  [
    'a registry without advisories',
    { message: '405 Method Not Allowed - POST https://registry.example/', statusCode: 405 },
    0,
    /^audit: no advisories could be fetched \(405 Method Not Allowed\)\n$/,
  ],
])('npm audit: %s', async (_name, report, code, words) => {
  const result = await audit(JSON.stringify(report));
  expect(result.code).toBe(code);
  expect(result.out).toMatch(words);
});

test('output that is not JSON gives no advisories', async () => {
  expect(await audit('oops')).toEqual({
    code: 0,
    out: 'audit: no advisories could be fetched (no report)\n',
  });
});
