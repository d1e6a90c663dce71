import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError, readConfig } from './settings/config';
import { asciiDomainName } from './domain/domain-name';
import { decideServices } from './domain/client-settings';
import { checkJson } from './formats/json';
import { pageTexts } from './texts/page-texts';
import { Policies } from './branding/policies';
import { Probes } from './probe/probes';
import { checkedServices, freshObservations } from './probe/observed-policy';
import { readLanguages } from './texts/languages';
import { createVirtualminClient } from './virtualmin/client';
import { Directory } from './virtualmin/directory';
import { RemoteApiError } from './virtualmin/errors';

const help = `Checks the mail ports that the settings prescribe for a domain.

npm run check -- --domain domain.name [--json]

The command uses the same environment variables as the app. Its exit code is 0 if all prescribed ports work, 2 if
one does not work, and 1 if the check could not be made.
`;

/** A wrong use of the command, with a message for the user. */
class UsageError extends Error {}

/** Prints the checks, and returns the exit code. */
async function check(args: readonly string[]): Promise<number> {
  const { values } = parseArguments(args);
  if (values.help === true) {
    process.stdout.write(help);
    return 0;
  }
  const domain = asciiDomainName(values.domain ?? '');
  if (domain === null) throw new UsageError(`--domain must be a domain name\n\n${help}`);
  const { virtualmin, policies } = readConfig(process.env);
  if (virtualmin === null)
    throw new UsageError(
      'VIRTUALMIN_URL is missing: docs/standalone.md says how to connect a server',
    );
  const services = { probes: new Probes(), policies: new Policies(() => policies, null) };
  const server = await new Directory(createVirtualminClient(virtualmin)).freshServer(domain);
  if (checkedServices(services, server, await services.policies.of(server)) === null) {
    throw new UsageError(
      'nothing is checked for this domain: it has no mail, or check_servers is off',
    );
  }
  const { policy, observations } = await freshObservations(services, server);
  const json = checkJson(domain, decideServices(domain, policy, observations));
  const lines = json.services.map(({ host, port, security, result, how, weaknesses }) => {
    const words = [result, ...(how === null ? [] : [how]), ...weaknesses].join(', ');
    return `${`${host}:${port}`.padEnd(40)} ${security.padEnd(14)} ${words}\n`;
  });
  process.stdout.write(
    values.json === true ? `${JSON.stringify(json, null, 2)}\n` : lines.join(''),
  );
  return json.services.every(({ result }) => result === 'proven') ? 0 : 2;
}

function parseArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { domain: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${help}`);
  }
}

/** What went wrong, in English. */
function wordsOf(error: unknown): string {
  if (error instanceof ConfigError) {
    const { say } = pageTexts(readLanguages(join(__dirname, 'lang')).english);
    return error.problems.map(say).join('\n');
  }
  const known = error instanceof UsageError || error instanceof RemoteApiError;
  return known ? error.message.trimEnd() : 'The check itself failed';
}

check(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${wordsOf(error)}\n`);
    process.exit(1);
  },
);
