import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import {
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions as RequestOptionsOfNode,
} from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { bigDomainAnswer } from '../../src/demo/big-domain';
import { readAnswer, type Answer } from './answer';
import { startContainer, type Container, type Said } from './container';

const root = join(__dirname, '..', '..');
const recordings = join(root, 'src', 'demo', 'recordings');

export const moduleFolder = '/usr/share/webmin/virtualmin-mail-setup';
export const serviceUnit = 'virtualmin-mail-setup.service';
export const socketUnit = 'virtualmin-mail-setup.socket';

export interface RequestOptions {
  /** The HTTP version of the request; HTTP/1.1 by default. */
  readonly version?: '1.0' | '1.1';
  /** A form, sent by POST. */
  readonly form?: Readonly<Record<string, string>>;
  /** Called with each piece of the answer, and awaited before the next is read. */
  readonly onData?: (bytes: number) => Promise<void> | void;
}

/** A host with a panel, ready for the module: the stand-ins of Webmin's server and library, and of Virtualmin. */
export interface Panel extends Container {
  /** Requests a path of the module over TLS, as root. */
  readonly request: (path: string, options?: RequestOptions) => Promise<Answer>;
  /** The same, repeated until the mailboxes are there: a page waits half a second for Virtualmin, then says that it waits. */
  readonly requestWarm: (
    domain: string,
    path?: string,
    options?: RequestOptions,
  ) => Promise<Answer>;
  /** Unpacks a package (by default ours) and runs its set-up, as the panel does. Returns the output of set-up. */
  readonly install: (path?: string) => Promise<Said>;
  /** Runs the module's uninstall.pl and deletes the module, as the panel does. */
  readonly uninstall: () => Promise<Said>;
  /** The properties of a unit, from systemd. */
  readonly show: (unit: string, property: string) => string;
  /** The process id of the service; 0 if it is not running. */
  readonly mainPid: () => number;
  /** Waits until a condition holds, for some seconds at most. */
  readonly until: (what: string, so: () => boolean, seconds?: number) => Promise<void>;
}

const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
  'name' | 'version',
  string
>;

/** The package, as `npm run package` makes it. */
const packagePath = join(root, 'build', `${name}-${version}.wbm.gz`);

/** Invented domains, and how many mailboxes they have. */
const standardDomains = { 'big.example': 1500 };

/** Boots a Debian with a panel in it; `mailboxes` names domains with invented mailboxes instead of the recorded ones. */
export async function startPanel(
  mailboxes: Readonly<Record<string, number>> = standardDomains,
): Promise<Panel> {
  const container = await startContainer();
  try {
    makePanel(container, mailboxes);
    return { ...container, ...operations(container) };
  } catch (error) {
    container.stop();
    throw error;
  }
}

const perlEnvironment = 'PERL5LIB=/opt/panel WEBMIN_CONFIG=/etc/webmin';

/** Loads one of a module's programs, as Webmin does. */
const load = (module: string, program: string) =>
  `require WebminCore; WebminCore::foreign_require("${module}", "${program}");`;

const makeCommand = `${load('virtual-server', 'virtual-server-lib.pl')} virtual_server::create_virtualmin_api_helper_command()`;

function makePanel(
  { root: files, run, write }: Container,
  mailboxes: Readonly<Record<string, number>>,
): void {
  const folder = (path: string) => {
    mkdirSync(join(files, path), { recursive: true });
  };
  cpSync(join(root, 'test', 'perl', 'lib'), join(files, 'opt/panel'), { recursive: true });
  cpSync(recordings, join(files, 'opt/recordings'), { recursive: true });
  for (const [domain, count] of Object.entries(mailboxes)) {
    write(`/opt/recordings/list-users.${domain}.json`, bigDomainAnswer('json', domain, count));
  }
  for (const path of ['domains', 'templates', 'admins'])
    folder(`/etc/webmin/virtual-server/${path}`);
  folder('/usr/share/webmin/virtual-server');
  folder('/var/webmin');
  const certificate = ['-keyout', '/etc/webmin/key.pem', '-out', '/etc/webmin/certificate.pem'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '9'];
  run('openssl', 'req', '-x509', ...kind, '-subj', '/CN=panel', ...certificate);
  run(
    'sh',
    '-c',
    'umask 077; cd /etc/webmin; cat key.pem certificate.pem >miniserv.pem; rm key.pem certificate.pem',
  );
  write('/etc/webmin/config', 'lang=en\n');
  write(
    '/etc/webmin/miniserv.conf',
    [
      ...['port=10000', 'bind=127.0.0.1', 'ssl=1', 'keyfile=/etc/webmin/miniserv.pem'],
      ...['root=/usr/share/webmin', 'userfile=/etc/webmin/miniserv.users', 'perllib=/opt/panel'],
      ...['logfile=/var/webmin/miniserv.log', 'errorlog=/var/webmin/miniserv.error'],
      ...['pidfile=/var/webmin/miniserv.pid', 'env_WEBMIN_CONFIG=/etc/webmin'],
      ...['env_WEBMIN_VAR=/var/webmin', 'env_TEST_RECORDINGS=/opt/recordings', ''],
    ].join('\n'),
  );
  const hash = run('perl', '-e', "print crypt('secret', '$6$somesalt')");
  write('/etc/webmin/miniserv.users', `root:${hash}::::\n`, 0o600);
  write('/etc/webmin/webmin.acl', 'root: virtual-server virtualmin-mail-setup acl\n', 0o600);
  write(
    '/etc/webmin/virtual-server/config',
    'allow_subdoms=0\napi_helper=/usr/sbin/virtualmin\nplugins=virtualmin-awstats\n',
    0o600,
  );
  write('/usr/share/webmin/virtual-server/module.info', 'version=8.1.0\n');
  write('/usr/share/webmin/virtual-server/defaultacl', 'edit=1\ndomains=*\n');
  write(
    '/usr/share/webmin/virtual-server/virtual-server-lib.pl',
    "use lib '/opt/panel';\ndo '/opt/panel/VirtualServer.pm' || die $@;\n1;\n",
  );
  write(
    '/usr/share/webmin/virtual-server/remote.cgi',
    "#!/usr/bin/perl\ndo '/opt/panel/remote.cgi';\ndie $@ if $@;\n",
    0o755,
  );
  addDomains(write);
  // Virtualmin's command-line program, as its own set-up writes it.
  run('sh', '-c', `${perlEnvironment} perl -e '${makeCommand}'`);
  write(
    '/etc/systemd/system/webmin.service',
    '[Service]\nExecStart=/usr/bin/perl /opt/panel/miniserv.pl --config /etc/webmin/miniserv.conf\n',
  );
  // A browser outside connects through a socket file: the container has its own network, but its files can be reached.
  write('/etc/systemd/system/door.socket', '[Socket]\nListenStream=/run/door\n');
  write(
    '/etc/systemd/system/door.service',
    '[Service]\nExecStart=/lib/systemd/systemd-socket-proxyd 127.0.0.1:10000\n',
  );
  write('/etc/systemd/system/web.socket', '[Socket]\nListenStream=/run/web\n');
  write(
    '/etc/systemd/system/web.service',
    '[Service]\nExecStart=/lib/systemd/systemd-socket-proxyd 127.0.0.1:80\n',
  );
  run('systemctl', 'daemon-reload');
  run('systemctl', 'start', 'webmin.service', 'door.socket', 'web.socket');
}

/** Virtualmin's domains, with the values that its stand-in needs to decide who may see them. */
function addDomains(write: Container['write']): void {
  const names = ['example.com', 'example.org', 'dash.example', 'plain.example', 'big.example'];
  for (const [index, name] of names.entries()) {
    const values = { dom: name, mail: 1, webmin: 1, user: name.replace(/\..*/, ''), template: 0 };
    const text = Object.entries(values).map(([key, value]) => `${key}=${String(value)}\n`);
    write(`/etc/webmin/virtual-server/domains/${String(index + 1)}`, text.join(''));
  }
}

function operations(container: Container): Omit<Panel, keyof Container> {
  const { root: files, later, run } = container;
  const door = join(files, 'run/door');
  const show = (unit: string, property: string) =>
    run('systemctl', 'show', '--value', '-p', property, unit).trim();
  /** Calls a function of one of the module's files, in the module's folder. */
  const call = (program: string, name: string) => {
    const script = `${load('virtualmin-mail-setup', program)} virtualmin_mail_setup::${name}()`;
    return later('sh', '-c', `cd ${moduleFolder} && ${perlEnvironment} exec perl -e '${script}'`);
  };
  return {
    show,
    mainPid: () => Number(show(serviceUnit, 'MainPID')),
    until: async (what, so, seconds = 20) => {
      const end = Date.now() + seconds * 1000;
      while (!so()) {
        if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
        await setTimeout(100);
      }
    },
    install: async (path = packagePath) => {
      unpack(files, path);
      return call('postinstall.pl', 'module_install');
    },
    uninstall: async () => {
      const said = await call('uninstall.pl', 'module_uninstall');
      run('rm', '-r', moduleFolder);
      return said;
    },
    request: (path, options = {}) => sendRequest(door, path, options),
    requestWarm: async (domain, path = '', options = {}) => {
      // A request for JSON waits until Virtualmin has answered.
      await sendRequest(door, `/domains/${domain}/mailboxes.json`, {});
      return sendRequest(door, `/domains/${domain}${path}`, options);
    },
  };
}

/** Unpacks a package into the folder of modules, with its file modes. */
function unpack(files: string, path: string): void {
  const target = join(files, 'usr/share/webmin');
  execFileSync('tar', ['-xzf', path, '-C', target, '--no-same-owner', '-p']);
}

/** Makes a changed copy of a package, to install over it. */
export function changedPackage(change: (files: string) => void): string {
  const folder = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim();
  execFileSync('tar', ['-xzf', packagePath, '-C', folder]);
  change(join(folder, 'virtualmin-mail-setup'));
  const made = `${folder}.wbm.gz`;
  execFileSync('tar', ['-czf', made, '-C', folder, 'virtualmin-mail-setup']);
  return made;
}

async function sendRequest(door: string, path: string, options: RequestOptions): Promise<Answer> {
  const { version = '1.1', form, onData } = options;
  const body = form === undefined ? '' : String(new URLSearchParams(form));
  const text = [
    `${form === undefined ? 'GET' : 'POST'} /virtualmin-mail-setup/index.cgi${path} HTTP/${version}`,
    'Host: panel:10000',
    `Authorization: Basic ${Buffer.from('root:secret').toString('base64')}`,
    ...(form === undefined
      ? []
      : ['Content-Type: application/x-www-form-urlencoded', `Content-Length: ${body.length}`]),
    'Connection: close',
  ].join('\r\n');
  const begin = performance.now();
  const socket = connectTls({ socket: connect(door), rejectUnauthorized: false });
  socket.write(`${text}\r\n\r\n${body}`);
  const pieces: Buffer[] = [];
  let firstByte = NaN;
  let cut = false;
  let length = 0;
  try {
    for await (const piece of socket) {
      if (pieces.length === 0) firstByte = performance.now() - begin;
      pieces.push(piece as Buffer);
      length += (piece as Buffer).length;
      await onData?.(length);
    }
  } catch {
    cut = true;
  }
  return readAnswer(Buffer.concat(pieces), cut, firstByte, performance.now() - begin);
}

/** Writes a drop-in with these lines for the section [Service] of the unit; '' removes it. */
export function dropIn(panel: Panel, text: string): void {
  const folder = `/etc/systemd/system/${serviceUnit}.d`;
  mkdirSync(join(panel.root, folder), { recursive: true });
  writeFileSync(join(panel.root, folder, 'test.conf'), `[Service]\n${text}`);
  panel.run('systemctl', 'daemon-reload');
}

/** Lines of the service in the journal that are not its own log, such as warnings of Node.js. */
export function besideTheLog(panel: Panel, pid: number | null = null): string[] {
  const of = pid === null ? [] : [`_PID=${pid}`];
  const said = panel.run('journalctl', '--no-pager', '-o', 'cat', '-t', 'node', ...of);
  const lines = said.trim().split('\n');
  return lines.filter(
    (line) => !line.startsWith('{') && !line.startsWith('Mail Client Setup is at'),
  );
}

/** Requests a path over plain HTTP through a socket of the container. */
export async function ask(
  panel: Panel,
  socket: string,
  path: string,
  options: RequestOptionsOfNode = {},
  body = '',
): Promise<{ readonly status: number; readonly text: string }> {
  const socketPath = join(panel.root, socket);
  const request = httpRequest({ ...options, socketPath, path, agent: false });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode ?? 0, text: await textOf(response) };
}

/** Sends a signal to the service's process, if it is running. */
export function crash(panel: Panel, signal: 'SIGKILL' | 'SIGSEGV'): void {
  panel.attempt('systemctl', 'kill', `--signal=${signal}`, '--kill-who=main', serviceUnit);
}

/** Adds to the figures of a run, which run.mjs prints at its end. */
export function figure(name: string, value: string): void {
  appendFileSync(join(process.env.HOST_TEST_RUN ?? '', 'figures'), `${name}: ${value}\n`);
}
