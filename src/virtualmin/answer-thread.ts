// A worker thread that parses one answer and ends: see read-in-thread.ts.
import { parentPort, workerData } from 'node:worker_threads';
import { readAnswer } from './answer';
import type { ThreadInput } from './read-in-thread';

const { body, fields } = workerData as ThreadInput;
void readAnswer(body, fields).then((answer) => parentPort?.postMessage(answer));
