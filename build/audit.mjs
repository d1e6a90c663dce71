// Reports known vulnerabilities of the packages that the app is built from. Exits with 1 if there are any. Exits with 0 if there
// are none, or if no advisories can be fetched: not every registry offers them.
import { spawnSync } from 'node:child_process';

const { stdout, stderr, error } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
});

/** The vulnerabilities reported by `npm audit`, or the reason why there is no report. */
function readReport() {
  if (error !== undefined) return { reason: error.message };
  try {
    const report = JSON.parse(stdout);
    if (report.vulnerabilities !== undefined) return { vulnerabilities: report.vulnerabilities };
    // Only "405 Method Not Allowed", without the address of the registry.
    return { reason: report.message?.split(' - ')[0] ?? report.error?.summary ?? 'no report' };
  } catch {
    return { reason: stderr.trim().split('\n')[0] || 'no report' };
  }
}

const { reason, vulnerabilities } = readReport();
if (vulnerabilities === undefined) {
  console.log(`audit: no advisories could be fetched (${reason})`);
} else {
  const found = Object.values(vulnerabilities);
  for (const { name, severity, via, fixAvailable } of found) {
    const titles = via.map((one) => (typeof one === 'string' ? `through ${one}` : one.title));
    console.log(
      `audit: ${name} (${severity}): ${titles.join('; ')}; ${fixAvailable ? 'there is a fix' : 'no fix yet'}`,
    );
  }
  console.log(`audit: ${found.length} packages with advisories`);
  process.exitCode = found.length === 0 ? 0 : 1;
}
