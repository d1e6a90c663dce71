import { describe, expect, test } from '@jest/globals';
import { Cache, freshFor, keptFor } from '../../src/cache/cache';

/** A cache with a clock that the test sets, and calls that the test answers. */
function setup(capacity = 100) {
  const calls: { key: string; answer: (value: string) => void; fail: (error: Error) => void }[] =
    [];
  const clock = { now: 1_000_000 };
  const answers = new Cache<string>({
    load: (key) =>
      new Promise((answer, fail) => {
        calls.push({ key, answer, fail });
      }),
    sizeOf: (value) => value.length,
    capacity,
    now: () => clock.now,
  });
  const last = () => {
    const call = calls.at(-1);
    if (call === undefined) throw new Error('no call was made');
    return call;
  };
  return { answers, calls, clock, last };
}

/** Runs the callbacks of settled promises. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

async function withAnswer(value = 'first') {
  const all = setup();
  const look = all.answers.look('key', 1000);
  all.last().answer(value);
  await look;
  return all;
}

describe('look', () => {
  test('waits for the first answer up to its limit, then returns the start of the call', async () => {
    const { answers, clock, last } = setup();
    expect(await answers.look('key', 1)).toEqual({ kind: 'waiting', since: 1_000_000 });
    clock.now += 3000;
    expect(await answers.look('key', 1)).toEqual({ kind: 'waiting', since: 1_000_000 });
    const look = answers.look('key', 1000);
    last().answer('there');
    expect(await look).toMatchObject({
      kind: 'answer',
      answer: { value: 'there', asOf: 1_003_000 },
    });
  });

  test('shares a call in flight', async () => {
    const { answers, calls, last } = setup();
    const looks = [answers.look('key', 1000), answers.look('key', 1000), answers.fresh('key')];
    last().answer('there');
    await Promise.all(looks);
    expect(calls).toHaveLength(1);
  });

  test('returns a fresh answer without a new call', async () => {
    const { answers, calls, clock } = await withAnswer();
    clock.now += freshFor;
    expect(await answers.look('key', 0)).toMatchObject({ kind: 'answer', refreshing: false });
    expect(calls).toHaveLength(1);
  });

  test('returns an older answer at once and refreshes it in the background', async () => {
    const { answers, clock, calls, last } = await withAnswer();
    clock.now += freshFor + 1;
    expect(await answers.look('key', 0)).toEqual({
      kind: 'answer',
      answer: { value: 'first', asOf: 1_000_000 },
      refreshing: true,
      failure: null,
    });
    last().answer('second');
    await settle();
    expect(await answers.look('key', 0)).toMatchObject({ answer: { value: 'second' } });
    expect(calls).toHaveLength(2);
  });

  test('does not return an answer that is too old', async () => {
    const { answers, clock } = await withAnswer();
    clock.now += keptFor + 1;
    expect(await answers.look('key', 1)).toMatchObject({ kind: 'waiting' });
  });

  test('a failed refresh keeps the old answer with the error, and is not repeated immediately', async () => {
    const { answers, clock, calls, last } = await withAnswer();
    clock.now += freshFor + 1;
    await answers.look('key', 0);
    const down = new Error('down');
    last().fail(down);
    await settle();
    const shown = { kind: 'answer', answer: { value: 'first' }, refreshing: false, failure: down };
    expect(await answers.look('key', 0)).toMatchObject(shown);
    expect(calls).toHaveLength(2);
    clock.now += 15_000;
    expect(await answers.look('key', 0)).toMatchObject({ ...shown, refreshing: true });
    expect(calls).toHaveLength(3);
  });

  test('an error without an answer is kept for its time, or until it is forgotten', async () => {
    const { answers, calls, last } = setup();
    const look = answers.look('key', 1000);
    const down = new Error('down');
    last().fail(down);
    expect(await look).toEqual({ kind: 'failed', failure: down });
    expect(await answers.look('key', 1)).toEqual({ kind: 'failed', failure: down });
    expect(calls).toHaveLength(1);
    answers.forgetFailures();
    expect(await answers.look('key', 1)).toMatchObject({ kind: 'waiting' });
    last().fail(down);
    await settle();
  });

  test('an answer from before a given time does not count', async () => {
    const { answers } = await withAnswer();
    expect(await answers.look('key', 1, 1_000_001)).toMatchObject({ kind: 'waiting' });
  });
});

describe('fresh', () => {
  test('never returns an answer older than a minute', async () => {
    const { answers, clock, last } = await withAnswer();
    clock.now += freshFor;
    expect(await answers.fresh('key')).toMatchObject({ value: 'first' });
    clock.now += 1;
    const fresh = answers.fresh('key');
    last().answer('second');
    expect(await fresh).toEqual({ value: 'second', asOf: clock.now });
  });

  test('throws instead of returning an old answer', async () => {
    const { answers, clock, last } = await withAnswer();
    clock.now += freshFor + 1;
    const fresh = answers.fresh('key');
    last().fail(new Error('down'));
    await expect(fresh).rejects.toThrow('down');
  });
});

test('memory is bounded: the least recently used answer is dropped first', async () => {
  const { answers, calls, last } = setup(10);
  for (const key of ['one', 'two', 'three']) {
    const look = answers.look(key, 1000);
    last().answer('1234');
    await look;
  }
  await answers.look('three', 1);
  await answers.look('two', 1);
  expect(calls).toHaveLength(3);
  await answers.look('one', 1);
  expect(calls).toHaveLength(4);
});

test('an answer larger than the bound is kept alone', async () => {
  const { answers, calls, last } = setup(10);
  const look = answers.look('key', 1000);
  last().answer('x'.repeat(50));
  await look;
  expect(await answers.look('key', 1)).toMatchObject({ kind: 'answer' });
  expect(calls).toHaveLength(1);
});
