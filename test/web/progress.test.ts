import { expect, test } from '@jest/globals';
import { Progress } from '../../src/web/progress';

test.each(['finished', 'failed'] as const)('a job that has %s cannot be cancelled', (how) => {
  const progress = new Progress();
  const job = progress.start('example.com', 'job-name', 2);
  job.done(2);
  job.end(how);
  progress.cancel('example.com', 'job-name');
  expect(progress.find('example.com', 'job-name')).toEqual({ done: 2, total: 2, state: how });
  expect(job.signal.aborted).toBe(false);
});

test('a cancelled job is stopped, and a late end does not change that', () => {
  const progress = new Progress();
  const job = progress.start('example.com', 'job-name', 2);
  progress.cancel('example.com', 'job-name');
  expect(job.signal.aborted).toBe(true);
  job.end('failed');
  expect(progress.find('example.com', 'job-name').state).toBe('stopped');
});
