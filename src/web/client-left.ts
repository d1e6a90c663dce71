import { setMaxListeners } from 'node:events';
import type { Response } from 'express';

/** A signal that aborts when the connection ends: the client has left or has received the answer. */
export function clientLeft(response: Response): AbortSignal {
  const controller = new AbortController();
  // One answer may depend on the checks of many hosts, each of which adds a listener.
  setMaxListeners(0, controller.signal);
  response.once('close', () => {
    controller.abort();
  });
  return controller.signal;
}
