import { createServer, type AddressInfo } from 'node:net';

/** An answer of a web server that is not one of Virtualmin's API. */
export interface PageAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const miniserv = { Server: 'MiniServ', 'Content-type': 'text/html; Charset=utf-8' };

/** `http_error` of miniserv-lib.pl, with its styles left out. */
function httpError(status: number, message: string, text = ''): PageAnswer {
  const body =
    `<html>\n<head><title>${status} &mdash; ${message}</title></head>\n` +
    `<body class="err-body"><h2 class="err-head">Error &mdash; ${message}</h2>\n` +
    `${text === '' ? '' : `<p class="err-content">${text}</p>\n`}</body></html>\n`;
  return { status, headers: miniserv, body };
}

/** What Webmin and other servers answer to a request for Virtualmin's API that does not reach it. */
export const answers = {
  /**
   * Webmin 1.890 and 1.930 on their TLS port to plain HTTP, as recorded in public scans (nmap); 2.0 and later serve
   * plain HTTP there, or redirect with `ssl_enforce`.
   */
  sslMode: (url: string): PageAnswer => ({
    status: 200,
    headers: { Server: 'MiniServ/1.890', 'Content-type': 'text/html; Charset=utf-8' },
    body:
      '<h1>Error - Document follows</h1>\n<p>This web server is running in SSL mode. ' +
      `Try the URL <a href='${url}/'>${url}/</a> instead.<br></p>\n`,
  }),
  /** nginx, ngx_http_special_response.c, error 497. */
  nginxTlsPort: {
    status: 400,
    headers: { Server: 'nginx/1.22.1', 'Content-Type': 'text/html' },
    body: '<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n</html>\r\n',
  },
  /** Apache, mod_ssl, ssl_engine_kernel.c. */
  apacheTlsPort: {
    status: 400,
    headers: { Server: 'Apache/2.4.57 (Debian)', 'Content-Type': 'text/html' },
    body: "<!DOCTYPE HTML>\n<html><body>Reason: You're speaking plain HTTP to an SSL-enabled server port.<br /></body></html>\n",
  },
  /** miniserv-lib.pl, `ssl_enforce` and `musthost_redirect`: a redirect without a body. */
  redirect: (location: string): PageAnswer => ({
    status: 302,
    headers: { ...miniserv, Location: location },
    body: '',
  }),
  /** miniserv-lib.pl with `musthost`. */
  wrongHost: httpError(400, 'Invalid HTTP hostname'),
  /** miniserv-lib.pl, for a path without a file: Webmin without Virtualmin, or Usermin. */
  noSuchFile: httpError(404, 'File not found'),
  /** session_login.cgi, which miniserv-lib.pl runs where a path is not in `sessiononly`; of Usermin, too. */
  loginPage: {
    status: 200,
    headers: miniserv,
    body: '<!DOCTYPE HTML>\n<html><body><form method="post" action="/session_login.cgi"><input name="user"><input name="pass"></form></body></html>\n',
  },
  /** miniserv-lib.pl: the user has two factors. */
  twoFactor: {
    status: 401,
    headers: { ...miniserv, 'X-Webmin-Auth-Error': 'twofactor-required' },
    body: '<html><body><h2>401 &mdash; Unauthorized</h2></body></html>\n',
  },
  /** miniserv-lib.pl, check_user_ip() and check_user_time(). */
  wrongAddress: httpError(403, 'Access denied for 192.0.2.7 for mail-setup-api'),
  wrongTime: httpError(403, 'Access denied at the current time'),
  /** remote.cgi and json-lib.pl. */
  noJson: {
    status: 200,
    headers: { Server: 'MiniServ', 'Content-type': 'application/json' },
    body: 'Invalid format json : Missing JSON::PP Perl module\n',
  },
  /** A server of websites on the usual port. */
  otherServer: {
    status: 404,
    headers: { Server: 'Apache/2.4.57 (Debian)', 'Content-Type': 'text/html' },
    body: '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head><title>404 Not Found</title></head></html>\n',
  },
} as const;

/**
 * Webmin without SSL, as a client of TLS meets it: miniserv-lib.pl reads a line, which is a part of the handshake,
 * and answers 400. If the handshake has no line feed, it ends the connection after ten seconds; here at once.
 */
export async function startPlainMiniserv(): Promise<{ port: number; close: () => void }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (data) => {
      if (data.includes(10)) socket.write('HTTP/1.0 400 Bad Request\r\nServer: MiniServ\r\n\r\n');
      socket.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { port, close: () => server.close() };
}
