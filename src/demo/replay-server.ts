import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { bigDomainAnswer } from './big-domain';
import { domainsAnswer } from './domains-answer';

export interface ReplayOptions {
  /** The folder of the recordings. */
  readonly recordings: string;
  readonly user: string;
  readonly password: string;
  /** Milliseconds before `big.example` answers. */
  readonly bigDomainDelay: number;
}

export interface ReplayServer {
  readonly url: string;
  close(): void;
}

const types = { json: 'application/json', xml: 'application/xml' };

/** The mailboxes of the generated domain that `list-domains` names. */
export const bigDomain = { name: 'big.example', mailboxes: 5000 };

/**
 * Answers like Virtualmin's remote API, from recordings of a real one, for GET requests to
 * `/virtual-server/remote.cgi`.
 */
export function replay(options: ReplayOptions): RequestListener {
  const recording = (name: string) => join(options.recordings, name);
  const basic = `Basic ${Buffer.from(`${options.user}:${options.password}`).toString('base64')}`;

  return (request, response) => {
    const send = (status: number, type: string, body: string | Buffer) => {
      response.writeHead(status, { 'Content-Type': type, Server: 'MiniServ' }).end(body);
    };
    if (request.headers.authorization !== basic) {
      send(401, 'text/html', readFileSync(recording('error.bad-password.html')));
      return;
    }
    const parameters = query(request);
    const format = parameters.has('xml') ? 'xml' : 'json';
    const domain = parameters.get('domain') ?? '';
    const noSuchDomain = () => {
      const answer = readFileSync(recording(`error.no-such-domain.${format}`), 'utf8');
      send(200, types[format], answer.replaceAll('nosuch.example', encodeURIComponent(domain)));
    };
    if (parameters.get('program') === 'list-domains') {
      const answer = domainsAnswer(options.recordings, format, parameters);
      if (answer === null) noSuchDomain();
      else send(200, types[format], answer);
    } else if (parameters.get('program') !== 'list-users') {
      send(200, 'text/plain', readFileSync(recording('error.no-such-program.txt')));
    } else if (parameters.has('all-domains')) {
      send(200, types[format], allUsersAnswer(options.recordings, format));
    } else if (domain === bigDomain.name) {
      setTimeout(() => {
        send(200, types[format], bigDomainAnswer(format, domain, bigDomain.mailboxes));
      }, options.bigDomainDelay);
    } else if (
      /^[\w.-]+$/.test(domain) &&
      existsSync(recording(`list-users.${domain}.${format}`))
    ) {
      send(200, types[format], readFileSync(recording(`list-users.${domain}.${format}`)));
    } else {
      noSuchDomain();
    }
  };
}

/** Starts a replayed Virtualmin on a free loopback port. */
export async function startReplayServer(options: ReplayOptions): Promise<ReplayServer> {
  const server = createServer(replay(options));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The recorded answers of list-users in one, as it answers with `all-domains`. */
function allUsersAnswer(recordings: string, format: 'json' | 'xml'): string {
  const recorded = new RegExp(`^list-users\\.(?:[\\w-]+\\.)*(?:example|com|net|org)\\.${format}$`);
  const answers = readdirSync(recordings)
    .filter((file) => recorded.test(file))
    .map((file) => readFileSync(join(recordings, file), 'utf8'));
  if (format === 'json') {
    const data = answers.flatMap((text) => (JSON.parse(text) as { data: unknown[] }).data);
    return JSON.stringify({ command: 'list-users', status: 'success', data }, null, 3);
  }
  const parts = answers.map((text) => text.replace(/^<api.*\n|^<\/api>\n/gm, ''));
  return `<api command="list-users" status="success">\n${parts.join('')}</api>\n`;
}

function query(request: IncomingMessage): URLSearchParams {
  return new URL(request.url ?? '/', 'http://localhost').searchParams;
}
