import { notFound } from './http-error';

/** The progress of a long job. */
export interface JobState {
  readonly done: number;
  readonly total: number;
  /** `stopped`: the client has left, or cancelled it. */
  readonly state: 'running' | 'finished' | 'stopped' | 'failed';
}

/** A running job. */
export interface RunningJob {
  readonly signal: AbortSignal;
  readonly done: (count: number) => void;
  /** Stops the work because the client has left. */
  readonly stop: () => void;
  /** Marks the work as ended: finished, or failed. */
  readonly end: (how: 'finished' | 'failed') => void;
}

interface Job {
  done: number;
  readonly total: number;
  readonly controller: AbortController;
  ended: 'finished' | 'failed' | null;
}

/** Limit for the number of jobs kept, running and ended. */
const maxJobs = 200;

/** The long jobs of this process, by domain and by a name that the page generated. */
export class Progress {
  private readonly jobs = new Map<string, Job>();

  /** Begins a job. The state of a job without a name cannot be requested. */
  start(domain: string, name: string, total: number): RunningJob {
    const job: Job = { done: 0, total, controller: new AbortController(), ended: null };
    if (name !== '') {
      this.jobs.set(keyOf(domain, name), job);
      const [oldest] = this.jobs.keys();
      if (this.jobs.size > maxJobs && oldest !== undefined) this.jobs.delete(oldest);
    }
    return {
      signal: job.controller.signal,
      done: (count) => (job.done = count),
      stop: () => {
        stop(job);
      },
      end: (how) => (job.ended = how),
    };
  }

  /** Throws a 404 where there is no such job. */
  find(domain: string, name: string): JobState {
    const { done, total, controller, ended } = this.get(domain, name);
    const state = controller.signal.aborted ? 'stopped' : (ended ?? 'running');
    return { done, total, state };
  }

  /** Stops a job that has not ended. Throws a 404 where there is no such job. */
  cancel(domain: string, name: string): void {
    stop(this.get(domain, name));
  }

  private get(domain: string, name: string): Job {
    const job = this.jobs.get(keyOf(domain, name));
    if (job === undefined) throw notFound('error_no_job');
    return job;
  }
}

function stop({ controller, ended }: Job): void {
  if (ended === null) controller.abort();
}

function keyOf(domain: string, name: string): string {
  return `${domain} ${name}`;
}
