import { Worker } from 'node:worker_threads';
import { readAnswer, type ApiAnswer, type RowShape } from './answer';

/** The input of a worker thread. */
export interface ThreadInput {
  readonly body: Uint8Array;
  readonly shape: RowShape<string>;
}

/** In bytes: parsing a smaller answer takes less time than starting a thread. */
const smallBytes = 256 * 1024;

/**
 * Parses answers as `readAnswer` does, large ones in a worker thread that runs `file`. The thread does not
 * block other requests, and its memory, with all passwords of the answer, is freed when it ends. Rejects if
 * the thread fails.
 */
export function readInThread(file: string): typeof readAnswer {
  return async (body, shape) => {
    if (body.length < smallBytes) return readAnswer(body, shape);
    return read(file, body, shape);
  };
}

async function read<Field extends string>(
  file: string,
  body: Uint8Array,
  shape: RowShape<Field>,
): Promise<ApiAnswer<Field>> {
  // Transferred without a copy if the array is the only one on its buffer.
  const ownsBuffer = body.length === body.buffer.byteLength;
  // Not body.slice(): for a Buffer it returns a view of the same memory.
  const input: ThreadInput = { body: ownsBuffer ? body : new Uint8Array(body), shape };
  const thread = new Worker(file, {
    workerData: input,
    transferList: [input.body.buffer as ArrayBuffer],
    // Empty, because the environment may hold the password.
    env: {},
  });
  return new Promise((resolve, reject) => {
    thread.once('message', (answer: ApiAnswer<Field>) => {
      resolve(answer);
    });
    thread.once('error', () => {
      // The thread's own message could quote the answer.
      reject(new Error('an answer could not be read'));
    });
    thread.once('exit', () => {
      reject(new Error('the thread that reads an answer has ended without one'));
    });
  });
}
