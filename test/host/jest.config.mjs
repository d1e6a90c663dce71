// The tests of a whole host, which `npm test` does not run: test/host/run.mjs starts them.
import { readFileSync } from 'node:fs';

const { jest } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

export default {
  ...jest,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/host/*.host.ts'],
  testTimeout: 120_000,
};
