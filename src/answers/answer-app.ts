import { createHmac } from 'node:crypto';
import { isIP } from 'node:net';
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
} from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import type { Logger } from 'pino';
import { asciiDomainName } from '../domain/domain-name';
import { isEmailAddress } from '../domain/email-address';
import { autoconfig } from '../formats/autoconfig';
import { autodiscover, autodiscoverError } from '../formats/autodiscover';
import { answerFor, answerForHash, evolutionUser, type Answer } from './answer';
import { readAutodiscoverRequest } from './autodiscover-request';
import type { Snapshot } from './snapshot';

/** What the answer service needs from outside. */
export interface AnswerDependencies {
  /** Null while there is none. */
  readonly snapshot: () => Snapshot | null;
  /** Chooses the answers for addresses that do not exist; the same as long as these are to stay the same. */
  readonly key: Buffer;
  readonly limits: AnswerLimits;
  readonly log: Pick<Logger, 'error'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The number of requests that are answered in a minute. */
export interface AnswerLimits {
  /** For one IPv4 address, or one /56 of IPv6. */
  readonly perNetwork: number;
  readonly inAll: number;
}

/** Limit in bytes for the body of a request, which is an address and a schema. */
const maxBody = 16 * 1024;

/** The texts of refusals, by HTTP status. */
const words: Readonly<Record<number, string>> = {
  400: 'The request has no valid e-mail address.',
  404: 'There is nothing here.',
  413: 'The request is too large.',
  429: 'Too many requests: try again in a minute.',
  503: 'Not ready yet: try again in a minute.',
};

/** A request is not answered, with this HTTP status. */
class Refusal extends Error {
  constructor(readonly status: number) {
    super(words[status]);
  }
}

/**
 * The answer service: tells mail clients the settings of an address, from the snapshot and nothing else. It has these
 * few paths, and any other one is a 404. The address in a request decides, and never its Host header. The answer for
 * an address that exists looks like that for one that does not: see answerFor.
 */
export function createAnswerApp(dependencies: AnswerDependencies): Express {
  const { limits, log, now } = dependencies;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  // The web server in front is on this machine, and says who asks.
  app.set('trust proxy', 1);
  app.use((_request, response, next) => {
    response.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
    next();
  });
  // What one network asks beyond its own limit does not count against the others.
  app.use(limitTo(limits.perNetwork, networkOf));
  app.use(limitTo(limits.inAll, () => 'all'));

  // Thunderbird asks the first on the host `autoconfig.`, and the second on the domain's own.
  const paths = ['/mail/config-v1.1.xml', '/.well-known/autoconfig/mail/config-v1.1.xml'];
  app.get(paths, (request, response) => {
    const { emailaddress, emailmd5 } = request.query;
    const answer = answerTo(emailaddress, dependencies, emailmd5);
    response.type('text/xml').send(autoconfig(answer));
  });

  // Express compares paths without case: Outlook writes this one in several ways.
  const body = express.text({ type: () => true, limit: maxBody });
  app.post('/autodiscover/autodiscover.xml', body, (request, response) => {
    const text: unknown = request.body;
    response
      .type('text/xml')
      .send(autodiscoverAnswer(typeof text === 'string' ? text : '', dependencies));
  });

  // Autodiscover in JSON says only where the one in XML is.
  app.get('/autodiscover/autodiscover.json', (request, response) => {
    const { Email, Protocol } = request.query;
    const { domain } = answerTo(Email, dependencies);
    if (Protocol !== 'AutodiscoverV1') {
      const message = 'The given protocol value is invalid. Supported values are "AutodiscoverV1".';
      response.status(400).json({ ErrorCode: 'InvalidProtocol', ErrorMessage: message });
      return;
    }
    const url = `https://autodiscover.${domain}/autodiscover/autodiscover.xml`;
    response.json({ Protocol, Url: url });
  });

  // A link for iPhone, iPad and Mac. The profile is not signed: this service has no key.
  app.get('/mail/setup.mobileconfig', async (request, response) => {
    const answer = answerTo(request.query.emailaddress, dependencies);
    const { appleProfile } = await import('../formats/apple-profile');
    const profile = appleProfile({ ...answer, realName: '', warnings: [] }, 'imap');
    if (profile === null) throw new Refusal(404);
    response
      .attachment('setup.mobileconfig')
      .type('application/x-apple-aspen-config')
      .send(profile);
  });

  app.use(() => {
    throw new Refusal(404);
  });
  app.use(refusals(log));
  return app;

  /** The document for Outlook: settings, or a refusal in its own form. */
  function autodiscoverAnswer(text: string, from: AnswerDependencies): string {
    const refused = (code: 500 | 600 | 601, message: string) =>
      autodiscoverError(code, message, new Date(now()));
    const request = readAutodiscoverRequest(text);
    if (request === null) return refused(600, 'Invalid Request');
    if (request.schema === 'other') {
      return refused(601, 'The requested schema version is not supported');
    }
    try {
      return autodiscover({ ...answerTo(request.emailAddress, from), realName: '' });
    } catch (error) {
      const unknown = error instanceof Refusal && error.status !== 503;
      if (unknown) return refused(500, 'The email address cannot be found');
      throw error;
    }
  }
}

/** The answer for an address as a client has written it; Evolution sends its MD5 besides. Throws Refusal. */
function answerTo(
  written: unknown,
  { snapshot, key }: AnswerDependencies,
  md5: unknown = '',
): Answer {
  if (typeof written !== 'string' || !isEmailAddress(written)) throw new Refusal(400);
  const current = snapshot();
  if (current === null) throw new Refusal(503);
  const [local = '', name = ''] = written.split('@');
  const domain = current.domains.get(asciiDomainName(name) ?? '');
  if (domain === undefined) throw new Refusal(404);
  const chanceOf = (hash: string) => {
    const digest = createHmac('sha256', key).update(hash).digest();
    return digest.readUIntBE(0, 6) / 2 ** 48;
  };
  if (local !== evolutionUser) return answerFor(domain, local.toLowerCase(), chanceOf);
  if (typeof md5 !== 'string') throw new Refusal(400);
  const answer = answerForHash(domain, md5.toLowerCase(), chanceOf);
  if (answer === null) throw new Refusal(404);
  return answer;
}

/** The network that asks. What is no IP address comes from a program of this machine: it could be long, and is not kept. */
function networkOf({ ip = '' }: Request): string {
  return isIP(ip) === 0 ? '' : ipKeyGenerator(ip);
}

function limitTo(perMinute: number, keyOf: (request: Request) => string): RequestHandler {
  return rateLimit({
    windowMs: 60_000,
    limit: perMinute,
    standardHeaders: false,
    legacyHeaders: false,
    keyGenerator: keyOf,
    handler: (_request, response) => {
      response.set('Retry-After', '60');
      throw new Refusal(429);
    },
  });
}

function refusals(log: AnswerDependencies['log']): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const { status } = error as { readonly status?: unknown };
    const known = typeof status === 'number' && status >= 400 && status !== 500;
    // Neither the error's message nor its stack: they may contain the address.
    if (!known) log.error({ kind: error instanceof Error ? error.name : 'unknown' }, 'failed');
    const code = known ? status : 500;
    response
      .status(code)
      .type('text/plain')
      .send(`${words[code] ?? 'This did not work.'}\n`);
  };
}
