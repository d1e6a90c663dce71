import { notFound } from './http-error';

/** How far a long job is. */
export interface JobState {
  readonly done: number;
  readonly total: number;
  readonly state: 'running' | 'finished' | 'stopped';
}

/** A job that has begun. */
export interface RunningJob {
  readonly signal: AbortSignal;
  readonly done: (count: number) => void;
  /** Stops the work: nobody waits for it any more. */
  readonly stop: () => void;
  /** The work has come to an end of its own. */
  readonly end: () => void;
}

interface Job {
  done: number;
  readonly total: number;
  readonly controller: AbortController;
  ended: boolean;
}

/** Jobs that are remembered, running and ended. */
const mostJobs = 200;

/** The long jobs of this process, by their domain and the name that their page has made up. */
export class Progress {
  private readonly jobs = new Map<string, Job>();

  /** Begins a job; one without a name cannot be asked about. */
  start(domain: string, name: string, total: number): RunningJob {
    const job: Job = { done: 0, total, controller: new AbortController(), ended: false };
    if (name !== '') {
      this.jobs.set(keyOf(domain, name), job);
      const [oldest] = this.jobs.keys();
      if (this.jobs.size > mostJobs && oldest !== undefined) this.jobs.delete(oldest);
    }
    return {
      signal: job.controller.signal,
      done: (count) => (job.done = count),
      stop: () => {
        if (!job.ended) job.controller.abort();
      },
      end: () => (job.ended = true),
    };
  }

  /** Throws a 404 where there is no such job. */
  find(domain: string, name: string): JobState {
    const { done, total, controller, ended } = this.get(domain, name);
    const state = controller.signal.aborted ? 'stopped' : ended ? 'finished' : 'running';
    return { done, total, state };
  }

  /** Throws a 404 where there is no such job. */
  cancel(domain: string, name: string): void {
    this.get(domain, name).controller.abort();
  }

  private get(domain: string, name: string): Job {
    const job = this.jobs.get(keyOf(domain, name));
    if (job === undefined) throw notFound('error_no_job');
    return job;
  }
}

function keyOf(domain: string, name: string): string {
  return `${domain} ${name}`;
}
