import { setMaxListeners } from 'node:events';
import type { Response } from 'express';

/** Aborts when the client has left, or has got the answer. */
export function clientLeft(response: Response): AbortSignal {
  const controller = new AbortController();
  // Every host of a server may be asked for one answer.
  setMaxListeners(0, controller.signal);
  response.once('close', () => {
    controller.abort();
  });
  return controller.signal;
}
