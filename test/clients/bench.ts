// Runs inside the namespaces that run.mjs makes. Arguments are the names of clients.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import {
  aboutCertificate,
  attempt,
  guessable,
  notRun,
  type Bench,
  type Cell,
  type Expected,
} from './attempt';
import { startAutoconfigHost } from './autoconfig-host';
import type { Client, Way } from './client';
import { clients } from './clients';
import {
  handedOut,
  startAnswers,
  startApp,
  withAddress,
  type Get,
  type HandedOut,
} from './handed-out';
import { byExtraAddress, namingStyles, otherHost, type BenchMailbox } from './mailboxes';
import { prepareNamespace } from './namespace';
import { startMailServers } from './servers';
import { printTable, words, type Row } from './table';

async function rowsOf(client: Client, get: Get, bench: Bench): Promise<Row[]> {
  const row = async (
    head: string,
    mailbox: BenchMailbox,
    given: HandedOut,
    expected: (way: Way) => Expected | null,
  ): Promise<Row> => {
    const cells: Cell[] = [];
    for (const way of client.ways) {
      const wanted = expected(way);
      cells.push(wanted === null ? notRun : await attempt(way, mailbox, given, wanted, bench));
    }
    return { head, cells };
  };
  const limit = pLimit(client.oneAtATime === true ? 1 : 4);
  const rows = await Promise.all([
    ...namingStyles.map((mailbox) =>
      limit(async () => {
        const given = await handedOut(get, mailbox);
        const { login, emailAddress } = mailbox;
        const right = await row(login, mailbox, given, (way) =>
          way.guesses === true && !guessable(emailAddress).includes(login)
            ? 'guesses wrong'
            : 'logs in',
        );
        if (login === emailAddress) return [right];
        const address = `${emailAddress}, the address of ${login}`;
        return [
          right,
          await row(address, mailbox, withAddress(given), (way) =>
            way.guesses === true || way.answered === true ? null : 'refuses the name',
          ),
        ];
      }),
    ),
    limit(async () => {
      const { login, emailAddress } = byExtraAddress;
      const { settings, ...files } = await handedOut(get, byExtraAddress);
      const given = { ...files, settings: { ...settings, emailAddress } };
      const head = `${login}, by the extra address ${emailAddress}`;
      return [
        await row(head, byExtraAddress, given, ({ answered }) =>
          answered === true ? 'logs in' : null,
        ),
      ];
    }),
    limit(async () => {
      const given = await handedOut(get, otherHost);
      if (!given.settings.warnings.includes('certificate-not-accepted'))
        throw new Error(`no warning about the certificate: ${JSON.stringify(given.settings)}`);
      const expected = (way: Way) => {
        // It may guess a host that is in the certificate.
        if (way.guesses === true) return null;
        return way.acceptsAnyCertificate === true ? 'accepts any certificate' : 'refuses the host';
      };
      return [await row('a host that is not in the certificate', otherHost, given, expected)];
    }),
  ]);
  return rows.flat();
}

/** The client with those of its ways whose names contain CLIENTS_WAY; all of them without that variable. */
function withChosenWays(client: Client): Client {
  const chosen = process.env.CLIENTS_WAY ?? '';
  return { ...client, ways: client.ways.filter(({ name }) => name.includes(chosen)) };
}

/** The version of its Debian package. */
function versionOf({ packages }: Client): string {
  const [name = ''] = Object.keys(packages);
  return execFileSync('dpkg-query', ['-W', '-f', '${Version}', name], { encoding: 'utf8' });
}

async function main(names: readonly string[]): Promise<number> {
  const debian = readFileSync('/etc/debian_version', 'utf8').trim();
  const folder = mkdtempSync(join(tmpdir(), 'servers-'));
  for (const path of [tmpdir(), folder]) chmodSync(path, 0o755);
  const certificate = prepareNamespace(folder);
  const servers = await startMailServers(folder, certificate);
  const get = await startApp(folder);
  const publish = await startAutoconfigHost(certificate, await startAnswers(get));
  const bench = { servers, publish };
  console.log(`Mail clients of Debian ${debian}, ${new Date().toISOString().slice(0, 10)}`);
  let wrong = 0;
  const quotes: string[] = [];
  for (const client of clients.filter(({ name }) => names.includes(name)).map(withChosenWays)) {
    const rows = await rowsOf(client, get, bench);
    const columns = client.ways.map(({ name }) => name);
    printTable(`${client.name} ${versionOf(client)}`, columns, rows);
    for (const [kind, what, about] of [
      ['refuses the name', 'a wrong user name', /auth|login|password|credential/i],
      ['refuses the host', 'a host that is not in the certificate', aboutCertificate],
    ] as const)
      quotes.push(
        ...[`\n${client.name} says to ${what}:`],
        ...words(rows, kind, about).map((line) => `  ${line}`),
      );
    for (const { head, cells } of rows) {
      for (const [index, cell] of cells.entries()) {
        if (cell.wrong === null) continue;
        wrong++;
        console.log(
          `WRONG: ${client.name}, ${head}, ${columns[index] ?? ''}: ${cell.wrong}. It said:`,
        );
        console.log(cell.said.trim().replace(/^/gm, '    '));
      }
    }
  }
  console.log(quotes.join('\n'));
  if (wrong > 0) console.log(`\nThe last lines of the servers:\n${servers.logged()}`);
  console.log(wrong === 0 ? '\nEvery cell is right.' : `\n${wrong} cells are WRONG.`);
  return wrong === 0 ? 0 : 1;
}

// Its input ends with the process that started it.
process.stdin.resume().on('end', () => process.exit(1));
main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
