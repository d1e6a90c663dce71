// The progress of a PDF or ZIP with many sheets. The file is a download; the page asks the server meanwhile. page.js loads it.

/** Milliseconds between two requests. */
const interval = 300;

/** How many requests may fail in a row: before the job has begun, and then. */
const maxFailures = { before: 1000, running: 50 };

/** `tools` are functions of page.js. */
export function start(form, { say, fill, pause }) {
  const box = form.querySelector('[data-progress]');
  const [bar, words, cancel] = box.querySelectorAll('progress, span, button');
  const field = form.querySelector('[name=job]');
  const token = form.querySelector('[name=token]');
  // A copy of the page, which the panel's theme shows, may have the progress of an earlier job.
  box.hidden = true;

  form.addEventListener('submit', ({ submitter }) => {
    // The other buttons make no job.
    field.value = '';
    if (submitter && 'job' in submitter.dataset) void follow();
  });

  /** Shows how far a job is, until it ends or another one begins. */
  async function follow() {
    const job = Date.now().toString(36) + Math.random().toString(36).slice(2, 10);
    field.value = job;
    const isLatest = () => field.value === job;
    const address = `${form.dataset.jobs}/${job}`;
    let cancelled = false;
    cancel.onclick = () => {
      cancelled = true;
      void stop(address);
    };
    bar.hidden = cancel.hidden = box.hidden = false;
    bar.removeAttribute('value');
    words.textContent = box.dataset.waiting;
    say(box.dataset.waiting);
    const ended = (text) => {
      bar.hidden = cancel.hidden = true;
      words.textContent = text;
      say(text);
    };
    let quarter = 0;
    let mayFail = maxFailures.before;
    for (let failures = 0; isLatest() && failures < mayFail;) {
      await pause(interval);
      // The job begins when Virtualmin and the mail servers have answered; until then the server does not know it.
      const response = await fetch(`${address}.json`).catch(() => null);
      const progress = response && response.ok ? await response.json().catch(() => null) : null;
      if (!isLatest()) return;
      if (progress === null) {
        failures++;
        continue;
      }
      failures = 0;
      mayFail = maxFailures.running;
      const { done, total, state } = progress;
      if (cancelled && state === 'running') void stop(address);
      if (state !== 'running') {
        const text = { finished: 'done', stopped: 'cancelled', failed: 'failed' }[state];
        ended(fill(box.dataset[text], { done, total }));
        return;
      }
      bar.max = total;
      bar.value = done;
      words.textContent = fill(box.dataset.running, { done, total });
      // Screen readers are told a few steps only.
      const reached = Math.floor((4 * done) / total);
      if (reached > quarter) say(words.textContent);
      quarter = reached;
    }
    if (isLatest()) ended(box.dataset.failed);
  }

  function stop(address) {
    const body = new URLSearchParams(token ? { token: token.value } : {});
    return fetch(`${address}/cancel`, { method: 'POST', body }).catch(() => null);
  }
}
