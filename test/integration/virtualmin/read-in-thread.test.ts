import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { bigDomainAnswer } from '../../../src/demo/big-domain';
import { readAnswer } from '../../../src/virtualmin/answer';
import { readInThread } from '../../../src/virtualmin/read-in-thread';
import { userRows } from '../../../src/virtualmin/users';

/** Made by the build. */
const file = join(__dirname, '..', '..', '..', 'build', 'dist', 'answer-thread.mjs');

const large = (format: 'json' | 'xml') => Buffer.from(bigDomainAnswer(format, 'big.example', 1000));

describe('a large answer parsed in a thread', () => {
  test.each(['json', 'xml'] as const)(
    'gives the same result as without one, in %s',
    async (format) => {
      const answer = await readInThread(file)(large(format), userRows);
      expect(answer).toEqual(await readAnswer(large(format), userRows));
      expect(answer).toMatchObject({ kind: 'rows' });
      expect(JSON.stringify(answer)).not.toMatch(/password"|\$y\$/);
    },
  );

  test('does not change a buffer that shares its memory', async () => {
    const body = large('json');
    const memory = Buffer.concat([Buffer.from('before '), body, Buffer.from(' after')]);
    const part = memory.subarray(7, 7 + body.length);
    const answer = await readInThread(file)(part, userRows);
    expect(answer).toMatchObject({ kind: 'rows' });
    expect(memory.toString().startsWith('before {')).toBe(true);
  });

  test('fails without quoting it if it is broken', async () => {
    const broken = large('json').subarray(0, 400_000);
    expect(await readInThread(file)(Buffer.from(broken), userRows)).toEqual({
      kind: 'not-understood',
      reason: 'the answer is not complete JSON',
    });
  });

  test('fails without details if it cannot be parsed', async () => {
    const reading = readInThread(join(__dirname, 'no-such-file.mjs'))(large('json'), userRows);
    await expect(reading).rejects.toThrow(/^an answer could not be read$/);
  });
});

test('a small answer is parsed without a thread', async () => {
  const read = readInThread(join(__dirname, 'no-such-file.mjs'));
  expect(await read(Buffer.from('ERROR: no'), userRows)).toEqual({
    kind: 'refusal',
    reason: 'no',
  });
});
