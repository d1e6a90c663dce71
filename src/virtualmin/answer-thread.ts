// A thread of its own that reads one answer and ends: see read-in-thread.ts.
import { parentPort, workerData } from 'node:worker_threads';
import { readAnswer } from './answer';
import type { Reading } from './read-in-thread';

const { body, fields } = workerData as Reading;
void readAnswer(body, fields).then((answer) => parentPort?.postMessage(answer));
