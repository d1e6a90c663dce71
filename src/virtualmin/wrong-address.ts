import type { AxiosResponse } from 'axios';

/** What a failure means, and what to do about it. */
export interface Explanation {
  /** A clause without a full stop. */
  readonly reason: string;
  /** Sentences. */
  readonly advice: string;
}

/** How much of an answer is searched for known words, in bytes. */
const searched = 8192;

/**
 * What an answer that does not come from Virtualmin's API means: what Webmin's web server (miniserv.pl,
 * miniserv-lib.pl), Virtualmin's remote.cgi and common proxies say when the address is not the right one. Quotes
 * nothing of the answer but host names. `url` is the configured address. Null where the answer is unknown.
 */
export function explainAnswer(
  { status, headers, data }: AxiosResponse<Buffer>,
  url: string,
): Explanation | null {
  const start = data.toString('latin1', 0, searched);
  const server = typeof headers.server === 'string' ? headers.server : '';
  const isWebmin = server.startsWith('MiniServ');
  const isPage = /^\s*<(!doctype|html|head|h1)/i.test(start);
  const { location } = headers as { location?: unknown };
  if (status >= 300 && status < 400) return redirected(location, url);
  if (isTlsPort(start)) return tlsPort(url);
  if (status === 400 && start.includes('Invalid HTTP hostname')) {
    return {
      reason: `Webmin does not accept the host name ${new URL(url).hostname}`,
      advice:
        'Use the name that "musthost" in /etc/webmin/miniserv.conf has, in VIRTUALMIN_URL: Webmin accepts no other.',
    };
  }
  const missing = /^Invalid format (\w+) : Missing ([\w:]+) Perl module/m.exec(start);
  if (missing?.[2] !== undefined) {
    const other = missing[1] === 'xml' ? 'json' : 'xml';
    return {
      reason: `the Perl module ${missing[2]} is missing on the server`,
      advice: `Install it there, or set VIRTUALMIN_FORMAT to ${other}.`,
    };
  }
  if (isPage && /\b(session|pam)_login\.cgi\b/.test(start)) {
    return {
      reason: 'the answer is a login page',
      advice:
        'Usermin answers so: VIRTUALMIN_URL must be the address of Webmin, usually with port 10000. If it is, ' +
        '"sessiononly" in /etc/webmin/miniserv.conf must have /virtual-server/remote.cgi, as after the installation ' +
        'of Virtualmin. Add it, and restart Webmin.',
    };
  }
  if (isWebmin && status === 404) {
    return {
      reason: 'Webmin answers, but Virtualmin is not installed there (HTTP 404)',
      advice:
        'Is this the address of another Webmin or of Usermin, or does Webmin have a prefix that is missing in VIRTUALMIN_URL?',
    };
  }
  const [name] = /^[\w.-]{1,40}/.exec(server) ?? [];
  if (isPage && !isWebmin && name !== undefined) {
    return {
      reason: `the answer is a web page of another web server, ${name} (HTTP ${status})`,
      advice:
        'VIRTUALMIN_URL must be the address of Webmin, usually https:// and port 10000. A proxy in front of it must ' +
        'pass /virtual-server/remote.cgi on to it.',
    };
  }
  return null;
}

/**
 * Whether a server says that it speaks TLS on this port: Webmin up to 2.0 (`This web server is running in SSL mode`,
 * with status 200), nginx, Apache, and servers written in Go.
 */
function isTlsPort(start: string): boolean {
  return /running in SSL mode|plain HTTP (request was sent )?to (HTTPS|an SSL-enabled)|HTTP request to an HTTPS server/.test(
    start,
  );
}

function tlsPort(url: string): Explanation {
  return {
    reason: 'the server speaks TLS on this port, but VIRTUALMIN_URL begins with http://',
    advice: useAddress(`https://${new URL(url).host}`),
  };
}

function useAddress(origin: string): string {
  return `Set VIRTUALMIN_URL to ${origin}. In the panel, run "virtualmin repair-mail-setup".`;
}

/**
 * A redirect is not followed: the password would go to another address. Webmin redirects to https if `ssl_enforce`
 * is set (`ssl_redirect` up to 2.0), and to another name with `musthost_redirect`.
 */
function redirected(location: unknown, url: string): Explanation {
  const target =
    typeof location === 'string' && URL.canParse(location, url) ? new URL(location, url) : null;
  if (target === null || !/^https?:$/.test(target.protocol)) {
    return {
      reason: 'the server redirects to another address, and does not say to which',
      advice: 'VIRTUALMIN_URL must be the address of Webmin itself.',
    };
  }
  const { protocol, hostname, origin } = new URL(url);
  if (target.origin === origin) {
    return {
      reason: 'the server redirects to another page',
      advice:
        'Is a proxy in front of Webmin, or does Webmin have a prefix that is missing in VIRTUALMIN_URL?',
    };
  }
  if (target.hostname === hostname && protocol === 'http:') return tlsPort(target.origin);
  return {
    reason: `the server redirects to ${target.origin}`,
    advice: `If that is your Webmin: ${useAddress(target.origin)}`,
  };
}

/**
 * What it means that a connection fails with this error of Node.js: that one side speaks TLS and the other does not.
 * Webmin without SSL answers a TLS handshake with `HTTP/1.0 400`, or ends the connection after ten seconds, if
 * the handshake contains no line feed. Null where the error has another cause.
 */
export function explainFailure(code: string, message: string, url: string): Explanation | null {
  const { protocol, host } = new URL(url);
  const noTls =
    /wrong version number|packet length too long|http request/i.test(message) ||
    message.includes('before secure TLS connection was established');
  if (protocol === 'https:' && noTls) {
    return {
      reason: `there is no TLS at ${host}, but VIRTUALMIN_URL begins with https:// (${code})`,
      advice:
        'Check the port. If it is the port of Webmin, turn on "Webmin Configuration, SSL Encryption" there. Without ' +
        'SSL the app connects only from the server itself, with http://127.0.0.1 and the port.',
    };
  }
  if (protocol === 'http:' && code.startsWith('HPE_')) {
    return {
      reason: `the answer of ${host} is not HTTP (${code})`,
      advice: `If Webmin uses SSL there: ${useAddress(`https://${host}`)}`,
    };
  }
  return null;
}
