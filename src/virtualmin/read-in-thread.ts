import { Worker } from 'node:worker_threads';
import { readAnswer, type ApiAnswer } from './answer';

/** What a thread is given. */
export interface Reading {
  readonly body: Uint8Array;
  readonly fields: readonly string[];
}

/** Bytes: what is smaller is read sooner than a thread starts. */
const small = 256 * 1024;

/**
 * Reads answers as `readAnswer` does, large ones in a thread that runs `file`: others do not wait for it, and
 * its memory, with every password that was in the answer, is gone when it ends. Rejects where the thread fails.
 */
export function readInThread(file: string): typeof readAnswer {
  return async (body, fields) => {
    if (body.length < small) return readAnswer(body, fields);
    return read(file, body, fields);
  };
}

async function read<Field extends string>(
  file: string,
  body: Uint8Array,
  fields: readonly Field[],
): Promise<ApiAnswer<Field>> {
  // Handed over, not copied, where it has its memory to itself.
  const whole = body.length === body.buffer.byteLength;
  // Not body.slice(), which of a Buffer is a view of the same memory.
  const reading: Reading = { body: whole ? body : new Uint8Array(body), fields };
  const thread = new Worker(file, {
    workerData: reading,
    transferList: [reading.body.buffer as ArrayBuffer],
    // It needs nothing of the environment, which may hold the password.
    env: {},
  });
  return new Promise((resolve, reject) => {
    thread.once('message', (answer: ApiAnswer<Field>) => {
      resolve(answer);
    });
    thread.once('error', () => {
      // Its own words could quote the answer.
      reject(new Error('an answer could not be read'));
    });
    thread.once('exit', () => {
      reject(new Error('the thread that reads an answer has ended without one'));
    });
  });
}
