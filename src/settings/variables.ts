import { accessSync, constants, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isLoopback, withoutBrackets } from '../network/addresses';
import type { MailTransport } from '../mail/mailer';
import { bad, choice, good, setting, type Parsed } from './setting';
import { anyText, whole } from './values';

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Every environment variable, with its parser and its default. A test compares docs/standalone.md with it. */
export const variables = {
  VIRTUALMIN_URL: setting(panelUrl, null),
  VIRTUALMIN_USER: setting(userName, null),
  VIRTUALMIN_PASSWORD_FILE: setting(fileText, null),
  VIRTUALMIN_PASSWORD: setting(anyText, null),
  VIRTUALMIN_FORMAT: choice(['json', 'xml'], 'json'),
  VIRTUALMIN_FINGERPRINT: setting(fingerprint, null),
  VIRTUALMIN_CA_FILE: setting(fileText, null),
  /** Seconds. */
  VIRTUALMIN_TIMEOUT: setting(whole(1, 3600), 120),
  MAIL_SETUP_CONFIG: setting(anyText, null),
  HOST: setting(anyText, '127.0.0.1'),
  PORT: setting(whole(0, 65535), 8025),
  ALLOW_REMOTE: setting(anyText, null),
  ACCESS_TOKEN: setting(accessToken, null),
  SOCKET_PATH: setting(anyText, null),
  LISTEN_FDS: setting(anyText, null),
  LISTEN_PID: setting(anyText, null),
  /** Seconds. */
  IDLE_TIMEOUT: setting(whole(0, 86_400), 0),
  PROFILE_CERT_FILE: setting(anyText, null),
  PROFILE_KEY_FILE: setting(anyText, null),
  BRANDING_DIR: setting(writableFolder, null),
  MAIL_TRANSPORT: setting(mailTransport, defaultTransport()),
  LOG_LEVEL: choice(logLevels, 'info'),
};

/** Webmin's address. `/virtual-server/remote.cgi` may be given or left out; the value is without it. */
function panelUrl(text: string): Parsed<string> {
  if (!URL.canParse(text)) {
    return bad('variable_url', { example: 'https://panel.example.com:10000' });
  }
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return bad('variable_url_password');
  if (url.search !== '' || url.hash !== '') return bad('variable_url_query');
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) return bad('variable_url_http');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return bad('variable_url_protocol');
  const path = url.pathname.replace(/\/virtual-server(\/(remote\.cgi)?)?$/, '');
  return good(url.origin + path.replace(/\/+$/, ''));
}

/** The colon would end the name in HTTP's basic authentication. */
function userName(text: string): Parsed<string> {
  return /[:\p{Cc}]/u.test(text) ? bad('variable_user_colon') : good(text);
}

/** The content of a file, without a byte order mark. */
function fileText(file: string): Parsed<string> {
  try {
    return good(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''));
  } catch (error) {
    return bad('variable_file', { file, code: (error as NodeJS.ErrnoException).code ?? '' });
  }
}

/**
 * A SHA-256 fingerprint, also as OpenSSL prints it (`sha256 Fingerprint=AB:CD…`) or as browsers show it. The value is
 * upper-case hex with colons.
 */
function fingerprint(text: string): Parsed<string> {
  const [, digits = ''] =
    /^["']?(?:sha-?\d+(?: fingerprint)?\s*[:=])?(.*?)["']?$/is.exec(text) ?? [];
  const hex = digits.replace(/[\s:]/g, '').toUpperCase();
  if (/^[0-9A-F]{40}$/.test(hex)) {
    return bad('variable_fingerprint_sha1', { command: 'openssl x509 -fingerprint -sha256' });
  }
  if (!/^[0-9A-F]{64}$/.test(hex)) return bad('variable_fingerprint');
  return good((hex.match(/../g) ?? []).join(':'));
}

function accessToken(text: string): Parsed<string> {
  return /^[\x21-\x7e]{16,256}$/.test(text) ? good(text) : bad('variable_token');
}

function defaultTransport(): MailTransport {
  return { kind: 'sendmail', path: '/usr/sbin/sendmail' };
}

/** `sendmail`, `sendmail:/path/to/it`, or the `smtp:` URL of a server on this machine. */
function mailTransport(text: string): Parsed<MailTransport> {
  const [sendmail, path] = /^sendmail(?::(\/.*))?$/.exec(text) ?? [];
  if (path !== undefined) return good({ kind: 'sendmail', path });
  if (sendmail !== undefined) return good(defaultTransport());
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol === 'smtp:' && isLoopback(url.hostname) && url.username === '') {
    const host = withoutBrackets(url.hostname);
    return good({ kind: 'smtp', host, port: Number(url.port || 25) });
  }
  return bad('variable_transport', { other: 'sendmail:/path/to/it', url: 'smtp://127.0.0.1:25' });
}

/** A folder that can be written to, or made: it need not exist yet. */
function writableFolder(folder: string): Parsed<string> {
  const { R_OK, W_OK } = constants;
  for (let path = resolve(folder); ; path = dirname(path)) {
    try {
      // The slash makes it fail for a file.
      accessSync(`${path}/`, R_OK | W_OK);
      return good(folder);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT') return bad('variable_folder', { folder, code });
    }
  }
}
