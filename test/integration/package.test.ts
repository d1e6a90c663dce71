import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { version } from '../../package.json';
import { startedWith } from '../helpers/start';

const root = join(__dirname, '..', '..');
const archive = join(root, 'build', `virtualmin-mail-setup-${version}.wbm.gz`);

let folder: string;
let unpacked: string;

const pack = () => {
  execFileSync(process.execPath, [join(root, 'build', 'package.mjs')]);
  return readFileSync(archive);
};

const filesIn = (at: string): string[] =>
  readdirSync(at, { withFileTypes: true }).flatMap((entry) => {
    const path = join(at, entry.name);
    return entry.isDirectory() ? filesIn(path) : [path];
  });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'package-'));
  pack();
  execFileSync('tar', ['xzf', archive, '-C', folder]);
  unpacked = join(folder, 'virtualmin-mail-setup');
}, 60_000);

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('the package', () => {
  test('has the same bytes when it is made again', () => {
    expect(pack().equals(pack())).toBe(true);
  });

  test('has one folder with the files that Webmin expects at its root', () => {
    expect(readdirSync(folder)).toEqual(['virtualmin-mail-setup']);
    for (const file of [
      'module.info',
      'index.cgi',
      'virtual_feature.pl',
      'lang/en',
      'images/icon.gif',
      'config',
      'config.info',
      'defaultacl',
      'acl_security.pl',
      'postinstall.pl',
      'uninstall.pl',
      'help/intro.html',
      'systemd/virtualmin-mail-setup.socket',
    ]) {
      expect([file, existsSync(join(unpacked, file))]).toEqual([file, true]);
    }
    expect(readFileSync(join(unpacked, 'module.info'), 'utf8')).toContain(`version=${version}\n`);
  });

  test('has every document that its documents link to', () => {
    const folder = join(unpacked, 'docs');
    expect(readdirSync(folder)).toContain('settings.md');
    for (const document of readdirSync(folder)) {
      const text = readFileSync(join(folder, document), 'utf8');
      for (const [, link = ''] of text.matchAll(/\]\((?!https:)([^)#\s]+)/g)) {
        expect([document, link, existsSync(join(folder, link))]).toEqual([document, link, true]);
      }
    }
  });

  test('is small', () => {
    expect(statSync(archive).size).toBeLessThan(2_000_000);
  });

  test('only programs are executable, and only the owner may write', () => {
    for (const path of filesIn(unpacked)) {
      const mode = /\.(cgi|pl)$/.test(path) ? 0o755 : 0o644;
      expect([path, statSync(path).mode & 0o777]).toEqual([path, mode]);
    }
  });

  test('contains no path of the build machine and no recordings', () => {
    for (const path of filesIn(unpacked)) {
      const text = readFileSync(path, 'latin1');
      expect([path, text.includes(root)]).toEqual([path, false]);
      expect([path, /node_modules\/[\w@]+\/.*\/home\//.test(text)]).toEqual([path, false]);
    }
    expect(existsSync(join(unpacked, 'app', 'recordings'))).toBe(false);
  });

  test('has the licence of each package in it', () => {
    const licences = readFileSync(join(unpacked, 'app', 'licences.txt'), 'utf8');
    for (const name of ['express', 'pdfkit', 'nodemailer', 'xml2js', '@fontsource/noto-sans']) {
      expect(licences).toMatch(new RegExp(`^${name} \\d`, 'm'));
    }
    expect(licences).not.toContain('undefined');
  });

  test('has every asset that a page names where Webmin serves it', () => {
    for (const name of ['panel.css', 'style.css', 'sheet.css', 'page.js', 'icon.svg']) {
      expect(existsSync(join(unpacked, 'assets', name))).toBe(true);
    }
    const css = readFileSync(join(unpacked, 'assets', 'sheet.css'), 'utf8');
    const fonts = [...css.matchAll(/url\('([^']+)'\)/g)].map(([, path = '']) => path);
    expect(fonts.length).toBeGreaterThan(2);
    for (const path of fonts) expect(existsSync(join(unpacked, 'assets', path))).toBe(true);
  });
});

describe('the systemd units', () => {
  const values = { NODE: process.execPath, CONFIG: '/etc/webmin/virtualmin-mail-setup' };

  const install = () => {
    for (const kind of ['socket', 'service']) {
      const name = `virtualmin-mail-setup.${kind}`;
      const text = readFileSync(join(unpacked, 'systemd', name), 'utf8')
        .replaceAll('@MODULE@', unpacked)
        .replaceAll('@NODE@', values.NODE)
        .replaceAll('@CONFIG@', values.CONFIG);
      expect(text).not.toMatch(/@[A-Z]+@/);
      writeFileSync(join(folder, name), text);
    }
  };

  test('start Node.js as npm start does', () => {
    install();
    const { env, args } = startedWith();
    const unit = readFileSync(join(folder, 'virtualmin-mail-setup.service'), 'utf8');
    const flags = args.slice(0, -1);
    expect(flags).toHaveLength(2);
    for (const flag of flags) expect(unit).toMatch(new RegExp(`^ExecStart=.* ${flag} `, 'm'));
    const variables = Object.entries(env);
    expect(variables).toHaveLength(1);
    for (const [name, value] of variables) {
      expect(unit).toContain(`\nEnvironment=${name}=${value}\n`);
    }
  });

  test('have a sandbox rating of 2.0 or better from systemd', () => {
    install();
    const output = execFileSync(
      'systemd-analyze',
      ['security', '--offline=yes', '--no-pager', join(folder, 'virtualmin-mail-setup.service')],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    );
    const exposure = Number(/exposure level for [^:]*: ([\d.]+)/.exec(output)?.[1]);
    expect(exposure).toBeGreaterThan(0);
    expect(exposure).toBeLessThanOrEqual(2);
  });

  test('only root can open the socket', () => {
    install();
    const socket = readFileSync(join(folder, 'virtualmin-mail-setup.socket'), 'utf8');
    expect(socket).toContain('SocketUser=root\nSocketGroup=root\nSocketMode=0600\n');
  });
});
