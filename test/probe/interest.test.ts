import { setTimeout } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { Interest } from '../../src/probe/interest';

test('lasts until its time is over, it is released, or its signal aborts', async () => {
  const interest = new Interest();
  expect(interest.is('a')).toBe(false);
  interest.in(['a'], 20);
  const release = interest.in(['b', 'c'], Infinity);
  const leaving = new AbortController();
  interest.in(['d'], Infinity, leaving.signal);
  expect(['a', 'b', 'c', 'd'].map((key) => interest.is(key))).toEqual([true, true, true, true]);
  await setTimeout(40);
  expect(interest.is('a')).toBe(false);
  release();
  expect(['b', 'c', 'd'].map((key) => interest.is(key))).toEqual([false, false, true]);
  leaving.abort();
  expect(interest.is('d')).toBe(false);
  interest.in(['d'], Infinity, leaving.signal);
  expect(interest.is('d')).toBe(false);
});

test('of one is not ended by another', () => {
  const interest = new Interest();
  const [first, second] = [interest.in(['a'], Infinity), interest.in(['a'], Infinity)];
  first();
  first();
  expect(interest.is('a')).toBe(true);
  second();
  expect(interest.is('a')).toBe(false);
});
