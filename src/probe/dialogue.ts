import { hostname } from 'node:os';
import type { Endpoint } from '../domain/observation';
import { ConversationError, type LineConnection } from './line-connection';

/** Limit for the lines of one answer. */
const maxLines = 100;

/** The server speaks another protocol than the one expected on its port. */
export class OtherProtocolError extends Error {}

/** The server understood a command and refused it. */
export class RefusedError extends Error {
  constructor(
    /** The server's message. */
    readonly words: string,
    /** Whether the cause is a temporary problem of the server, so that trying later may help. */
    readonly temporary: boolean,
  ) {
    super(words);
  }
}

/** A server's capabilities and login mechanisms (SASL), in upper case. */
export interface Offer {
  readonly capabilities: readonly string[];
  readonly mechanisms: readonly string[];
  readonly starttls: boolean;
  /** Whether a normal password can be sent now. */
  readonly password: boolean;
}

/** The commands of one protocol that the checks and the login test use. */
export interface Dialogue {
  readonly greet: () => Promise<void>;
  readonly offer: () => Promise<Offer>;
  /** Asks for STARTTLS; `extra` is sent in the same packet. Throws RefusedError. */
  readonly startTls: (extra?: string) => Promise<void>;
  /** Whether the server answers, after TLS, a command that was sent before TLS. */
  readonly answersInjected: () => Promise<boolean>;
  /** Logs in with a normal password. Throws RefusedError. */
  readonly logIn: (login: string, password: string, offer: Offer) => Promise<void>;
  /** The command that ends the session. */
  readonly goodbye: () => string;
}

/**
 * A command that no server knows. A server that takes it for TLS reads the fourth and fifth byte as the length
 * of a record. With OpenSSL 3.5 it waits for that many bytes, unless they are more than a record may have.
 */
export const injected = 'XMAILSETUP\r\n';

/** The tag of the injected command in IMAP. See `injected` for the length of it. */
const injectedTag = 'inject';

/** The dialogue of a protocol. */
export function dialogueOf(protocol: Endpoint['protocol'], connection: LineConnection): Dialogue {
  switch (protocol) {
    case 'imap':
      return imap(connection);
    case 'pop3':
      return pop3(connection);
    case 'submission':
      return smtp(connection);
  }
}

/** The two answers of the mechanism LOGIN, to the questions for the user name and for the password. */
function loginAnswers(login: string, password: string): string[] {
  return [login, password].map((text) => Buffer.from(text).toString('base64'));
}

/** RFC 4616: an empty authorization identity, the login, the password. */
export function plain(login: string, password: string): string {
  return Buffer.from(`\0${login}\0${password}`).toString('base64');
}

function offerOf(
  capabilities: readonly string[],
  mechanisms: readonly string[],
  starttls: boolean,
  passwordOtherwise: boolean,
): Offer {
  const password =
    passwordOtherwise || mechanisms.includes('PLAIN') || mechanisms.includes('LOGIN');
  return { capabilities, mechanisms, starttls, password };
}

/** What servers say whose limit on connections or on sessions is reached. The last two are Dovecot's. */
const limit =
  /\btoo many (\w+ ){0,2}(connections|sessions)\b|\bmaximum number of connections\b|\bconnection queue full\b/i;

/** RFC 5530. */
const temporaryInImap = /\[(UNAVAILABLE|INUSE|LIMIT|SERVERBUG|CONTACTADMIN)/i;

/** RFC 2449, RFC 3206. */
const temporaryInPop3 = /\[(SYS\/TEMP|IN-USE|LOGIN-DELAY)/i;

/** Whether a server says that its limit on connections or on sessions is reached. */
export function namesLimit(words: string): boolean {
  return limit.test(words);
}

/** The last line of a server that ends a session of IMAP. */
const bye = /^\* BYE ?(.*)$/i;

/** RFC 9051. */
function imap(connection: LineConnection): Dialogue {
  let commands = 0;

  function refusal(words: string): RefusedError {
    return new RefusedError(words, temporaryInImap.test(words) || namesLimit(words));
  }

  /** Sends a command; resolves with its untagged responses. One of `more` is sent each time the server asks for more. */
  async function command(text: string, more: readonly string[] = []): Promise<string[]> {
    const tag = `m${++commands}`;
    connection.send(`${tag} ${text}\r\n`);
    const untagged: string[] = [];
    const rest = [...more];
    for (let count = 0; count < maxLines; count++) {
      const line = await connection.line();
      const next = line.startsWith('+') ? rest.shift() : undefined;
      if (next !== undefined) connection.send(`${next}\r\n`);
      else if (line.startsWith(`${tag} `)) {
        const [, verdict = '', words = ''] = /^\S+ (\S+) ?(.*)$/.exec(line) ?? [];
        if (/^OK$/i.test(verdict)) return untagged;
        throw refusal(words);
      } else if (line.startsWith('* ')) {
        const [, words] = bye.exec(line) ?? [];
        if (words !== undefined) {
          throw namesLimit(words) ? refusal(words) : new ConversationError('closed');
        }
        untagged.push(line.slice(2));
      } else {
        throw new OtherProtocolError();
      }
    }
    throw new ConversationError('too-much');
  }

  return {
    async greet() {
      const line = await connection.line();
      const [, words] = bye.exec(line) ?? [];
      if (words !== undefined) throw refusal(words);
      if (!/^\* (OK|PREAUTH)/i.test(line)) throw new OtherProtocolError();
    },
    async offer() {
      const answers = await command('CAPABILITY');
      const line = answers.find((one) => /^CAPABILITY /i.test(one)) ?? '';
      const capabilities = line.toUpperCase().split(/\s+/).slice(1);
      const mechanisms = capabilities.flatMap((one) =>
        one.startsWith('AUTH=') ? one.slice('AUTH='.length) : [],
      );
      const disabled = capabilities.includes('LOGINDISABLED');
      // A server that lists mechanisms lists PLAIN if it knows it, and the command LOGIN only if it knows PLAIN.
      const otherwise = !disabled && mechanisms.length === 0;
      return offerOf(capabilities, mechanisms, capabilities.includes('STARTTLS'), otherwise);
    },
    async startTls(extra = '') {
      const tag = `m${++commands}`;
      connection.send(`${tag} STARTTLS\r\n${extra === '' ? '' : `${injectedTag} ${extra}`}`);
      const line = await connection.line();
      if (!line.toUpperCase().startsWith(`${tag.toUpperCase()} OK`))
        throw new RefusedError(line, false);
    },
    async answersInjected() {
      connection.send(`m${++commands} NOOP\r\n`);
      return (await connection.line()).startsWith(`${injectedTag} `);
    },
    async logIn(login, password, { capabilities, mechanisms }) {
      const response = plain(login, password);
      if (mechanisms.includes('PLAIN')) {
        if (capabilities.includes('SASL-IR')) await command(`AUTHENTICATE PLAIN ${response}`);
        else await command('AUTHENTICATE PLAIN', [response]);
      } else if (mechanisms.includes('LOGIN')) {
        // Dovecot's command LOGIN needs the mechanism PLAIN.
        await command('AUTHENTICATE LOGIN', loginAnswers(login, password));
      } else await command(`LOGIN ${quoted(login)} ${quoted(password)}`);
    },
    goodbye: () => `m${++commands} LOGOUT\r\n`,
  };
}

/** A quoted string of RFC 9051. Throws RefusedError for characters that it cannot contain. */
function quoted(text: string): string {
  if (/[\r\n\0]/.test(text)) throw new RefusedError('a line break in it', false);
  return `"${text.replace(/(["\\])/g, '\\$1')}"`;
}

/** RFC 1939, RFC 2449 (CAPA), RFC 2595 (STLS), RFC 5034 (SASL). */
function pop3(connection: LineConnection): Dialogue {
  async function answer(asking = false): Promise<string> {
    const line = await connection.line();
    if (asking ? line.startsWith('+ ') : line.startsWith('+OK')) return line;
    if (line.startsWith('-ERR')) {
      const words = line.slice('-ERR'.length).trim();
      throw new RefusedError(words, temporaryInPop3.test(words) || namesLimit(words));
    }
    throw new OtherProtocolError();
  }

  return {
    async greet() {
      await answer();
    },
    async offer() {
      connection.send('CAPA\r\n');
      await answer();
      const capabilities: string[] = [];
      for (let count = 0; count < maxLines; count++) {
        const line = (await connection.line()).toUpperCase();
        if (line === '.') {
          const sasl = capabilities.find((one) => one.startsWith('SASL ')) ?? '';
          const mechanisms = sasl.split(/\s+/).slice(1);
          const user = capabilities.includes('USER') && mechanisms.length === 0;
          return offerOf(capabilities, mechanisms, capabilities.includes('STLS'), user);
        }
        capabilities.push(line);
      }
      throw new ConversationError('too-much');
    },
    async startTls(extra = '') {
      connection.send(`STLS\r\n${extra}`);
      await answer();
    },
    async answersInjected() {
      connection.send('CAPA\r\n');
      return !(await connection.line()).startsWith('+OK');
    },
    async logIn(login, password, { mechanisms }) {
      if (mechanisms.includes('PLAIN')) {
        connection.send(`AUTH PLAIN ${plain(login, password)}\r\n`);
        await answer();
        return;
      }
      if (mechanisms.includes('LOGIN')) {
        connection.send('AUTH LOGIN\r\n');
        for (const one of loginAnswers(login, password)) {
          await answer(true);
          connection.send(`${one}\r\n`);
        }
        await answer();
        return;
      }
      if (/[\r\n\0]/.test(login + password)) throw new RefusedError('a line break in it', false);
      connection.send(`USER ${login}\r\n`);
      await answer();
      connection.send(`PASS ${password}\r\n`);
      await answer();
    },
    goodbye: () => 'QUIT\r\n',
  };
}

/** RFC 5321, RFC 3207 (STARTTLS), RFC 4954 (AUTH). */
function smtp(connection: LineConnection): Dialogue {
  /** The lines of a reply without the code. Throws RefusedError unless the code is 2xx or 3xx. */
  async function reply(): Promise<string[]> {
    const lines: string[] = [];
    for (let count = 0; count < maxLines; count++) {
      const [, code = '', more, words = ''] =
        /^(\d{3})([ -]?)(.*)$/.exec(await connection.line()) ?? [];
      if (code === '') throw new OtherProtocolError();
      lines.push(words);
      if (more === '-') continue;
      if (/^[23]/.test(code)) return lines;
      // Postfix: "421 4.3.0 Server local error", if it expects the PROXY protocol: each client gets that.
      const temporary = code.startsWith('4') && !words.startsWith('4.3.0');
      throw new RefusedError(`${code} ${words}`, temporary);
    }
    throw new ConversationError('too-much');
  }

  return {
    async greet() {
      await reply();
    },
    async offer() {
      connection.send(`EHLO ${ownName()}\r\n`);
      const capabilities = (await reply()).slice(1).map((line) => line.toUpperCase());
      // Servers offer "AUTH=" beside "AUTH" for old clients.
      const auth = capabilities.filter((one) => /^AUTH[ =]/.test(one));
      const mechanisms = [...new Set(auth.flatMap((one) => one.split(/[ =]+/).slice(1)))];
      return offerOf(capabilities, mechanisms, capabilities.includes('STARTTLS'), false);
    },
    async startTls(extra = '') {
      connection.send(`STARTTLS\r\n${extra}`);
      await reply();
    },
    async answersInjected() {
      connection.send(`EHLO ${ownName()}\r\n`);
      return !(await connection.line()).startsWith('250');
    },
    async logIn(login, password, { mechanisms }) {
      if (mechanisms.includes('PLAIN')) {
        connection.send(`AUTH PLAIN ${plain(login, password)}\r\n`);
        await reply();
      } else {
        connection.send('AUTH LOGIN\r\n');
        await reply();
        for (const one of loginAnswers(login, password)) {
          connection.send(`${one}\r\n`);
          await reply();
        }
      }
      // Dovecot accepts a login even if it does not reach the server behind it, and says so to the next command.
      connection.send('NOOP\r\n');
      await reply().catch((error: unknown) => {
        if (!(error instanceof RefusedError) || error.temporary) throw error;
      });
    },
    goodbye: () => 'QUIT\r\n',
  };
}

/** A valid name for EHLO: this machine's host name, or an address literal where that has no domain. */
function ownName(): string {
  const name = hostname();
  return /^[a-z0-9.-]+$/i.test(name) && name.includes('.') ? name : '[127.0.0.1]';
}
