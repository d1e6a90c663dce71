// A worker thread that parses one answer and ends: see read-in-thread.ts.
import { parentPort, workerData } from 'node:worker_threads';
import { readAnswer } from './answer';
import type { ThreadInput } from './read-in-thread';

const { body, shape } = workerData as ThreadInput;
void readAnswer(body, shape).then((answer) => parentPort?.postMessage(answer));
