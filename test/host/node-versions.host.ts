import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { nodeOfVersion } from '../helpers/bundle';
import { besideTheLog, figure, serviceUnit, startPanel, type Panel } from './panel';

let panel: Panel;

beforeAll(async () => {
  panel = await startPanel();
});

afterAll(() => {
  panel.stop();
});

/** Debian's own version, which updates change, and others installed beside it. */
const versions = [
  { version: '18.20', path: '/usr/bin/node' },
  { version: '20.20.2', path: '/usr/local/bin/node' },
  { version: '22.23.3', path: '/usr/local/bin/node' },
  { version: '24.21.0', path: '/usr/local/bin/node' },
];

describe.each(versions)('Node.js $version', ({ version, path }) => {
  test('set-up finds it', async () => {
    if (path !== '/usr/bin/node') {
      const target = join(panel.root, path);
      mkdirSync(join(target, '..'), { recursive: true });
      rmSync(target, { force: true });
      copyFileSync(nodeOfVersion(version), target);
    }
    expect(`${panel.run('node', '--version').trim()}.`).toContain(`v${version}.`);
    const { code, err } = await panel.install();
    expect([code, err]).toEqual([0, '']);
    expect(panel.read(`/etc/systemd/system/${serviceUnit}`)).toContain(`\nExecStart=${path} `);
  });

  test('the service runs in its sandbox', async () => {
    panel.run('systemctl', 'stop', serviceUnit);
    const cold = await panel.request('/domains/example.com/mailboxes.json');
    expect(cold.status).toBe(200);
    const pid = panel.mainPid();
    expect(panel.run('readlink', `/proc/${pid}/exe`).trim()).toBe(path);
    expect(panel.show(serviceUnit, 'NRestarts')).toBe('0');
    const pdf = await panel.request('/domains/example.com/sheets.pdf');
    expect([pdf.status, pdf.complete]).toEqual([200, true]);
    expect(pdf.body.subarray(0, 5).toString()).toBe('%PDF-');
    const resident = /VmRSS:\s*(\d+) kB/.exec(panel.read(`/proc/${pid}/status`))?.[1];
    const memory = (Number(resident) / 1024).toFixed();
    figure(`Node.js ${version}: first answer, memory`, `${cold.time.toFixed()} ms, ${memory} MB`);
    expect(panel.mainPid()).toBe(pid);
    expect(besideTheLog(panel, pid)).toEqual([]);
  });
});
