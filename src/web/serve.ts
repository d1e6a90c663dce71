import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Listen } from '../settings/config';

/** Milliseconds for open requests to finish after SIGTERM. */
const shutdownTimeout = 30_000;

/** Limit in bytes for all request headers, including the URL. */
const maxHeaderBytes = 16 * 1024;

/** The same for requests of the panel, which contain all domains that a viewer may see. */
const maxPanelHeaderBytes = 1024 * 1024;

/**
 * Serves the app on the configured address or socket until SIGTERM or SIGINT. The process ends after the
 * open requests, at most half a minute later. With `idle` it also ends after so many milliseconds without
 * a request.
 */
export async function serve(
  app: RequestListener,
  where: Listen,
  idle: number | null,
): Promise<Server> {
  const maxHeaderSize = where.kind === 'tcp' ? maxHeaderBytes : maxPanelHeaderBytes;
  const server = createServer({ maxHeaderSize }, app);
  server.on('clientError', refuse);
  await listen(server, where);
  stopOnSignals(server);
  if (idle !== null) stopWhenIdle(server, idle);
  return server;
}

/** Answers invalid or too large requests with a text: Node.js itself sends only a status. */
function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
  const [status, words] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? [
          '431 Request Header Fields Too Large',
          `The address and the headers have at most ${maxHeaderBytes} bytes. To print many mailboxes, tick fewer at a time, or print all.`,
        ]
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'The request took too long to arrive.']
        : ['400 Bad Request', 'This is not an HTTP request.'];
  if (!socket.writable) return void socket.destroy();
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${words}\n`,
  );
}

async function listen(server: Server, where: Listen): Promise<void> {
  if (where.kind === 'socket') await removeStaleSocket(where.path);
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      if (where.kind === 'inherited') server.listen({ fd: where.descriptor }, resolve);
      else if (where.kind === 'socket') server.listen(where.path, resolve);
      else server.listen({ host: where.host, port: where.port }, resolve);
    });
  } finally {
    process.umask(umask);
  }
  if (where.kind === 'socket') chmodSync(where.path, 0o600);
}

/** Removes the socket of a killed server; never another kind of file, and never a socket in use. */
async function removeStaleSocket(path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  const answered = await new Promise<boolean>((resolve) => {
    const probe = connect(path)
      .once('connect', () => {
        probe.destroy();
        resolve(true);
      })
      .once('error', () => {
        resolve(false);
      });
  });
  if (!answered) unlinkSync(path);
}

function stopOnSignals(server: Server): void {
  let stopping = false;
  const stop = () => {
    // A second signal ends the process without waiting.
    if (stopping) process.exit(1);
    stopping = true;
    // process.exit also ends the demo's server and calls whose results nobody awaits.
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    // A keep-alive connection is idle after its answer and would keep the server open.
    setInterval(() => {
      server.closeIdleConnections();
    }, 100);
    setTimeout(() => process.exit(0), shutdownTimeout);
  };
  // Not once: what writes files listens too, and ends the process where it is the only one that does.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
}

/** Ends the process after so many milliseconds without a request; systemd starts it for the next one. */
function stopWhenIdle(server: Server, milliseconds: number): void {
  let open = 0;
  let since = Date.now();
  server.on('request', (_request, response: ServerResponse) => {
    open++;
    response.once('close', () => {
      open--;
      since = Date.now();
    });
  });
  setInterval(
    () => {
      if (open === 0 && Date.now() - since >= milliseconds) process.kill(process.pid, 'SIGTERM');
    },
    Math.min(milliseconds, 10_000),
  );
}
