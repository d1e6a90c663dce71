import { setTimeout } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { WaitList } from '../../src/probe/wait-list';

test('a waiting request lasts until its time limit, its release, or its signal', async () => {
  const interest = new WaitList();
  expect(interest.has('a')).toBe(false);
  interest.add(['a'], 20);
  const release = interest.add(['b', 'c'], Infinity);
  const leaving = new AbortController();
  interest.add(['d'], Infinity, leaving.signal);
  expect(['a', 'b', 'c', 'd'].map((key) => interest.has(key))).toEqual([true, true, true, true]);
  await setTimeout(40);
  expect(interest.has('a')).toBe(false);
  release();
  expect(['b', 'c', 'd'].map((key) => interest.has(key))).toEqual([false, false, true]);
  leaving.abort();
  expect(interest.has('d')).toBe(false);
  interest.add(['d'], Infinity, leaving.signal);
  expect(interest.has('d')).toBe(false);
});

test('the end of one waiting request does not end another', () => {
  const interest = new WaitList();
  const [first, second] = [interest.add(['a'], Infinity), interest.add(['a'], Infinity)];
  first();
  first();
  expect(interest.has('a')).toBe(true);
  second();
  expect(interest.has('a')).toBe(false);
});
