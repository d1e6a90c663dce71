// What pages do better with JavaScript. Without it they lack nothing but comfort.
'use strict';

(function () {
  const live = document.getElementById('live');

  function say(text) {
    if (live) live.textContent = text;
  }

  // Copying: a copied value is the value and nothing else.

  function select(element) {
    if (element.select) {
      element.select();
      return;
    }
    const range = document.createRange();
    range.selectNodeContents(element);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  }

  // The clipboard is not to be had on plain HTTP: the old way, and where that fails too the value
  // is left selected.
  async function copy(text, element) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const holder = element.closest('details');
      if (holder) holder.open = true;
      select(element);
      return document.execCommand('copy');
    }
  }

  async function copyFor(button, text, element) {
    const copied = await copy(text, element);
    say(copied ? 'Copied.' : 'Selected: press Ctrl+C or Cmd+C to copy.');
    if (!copied) return;
    const label = button.firstChild;
    const before = button.dataset.label || label.textContent;
    button.dataset.label = before;
    label.textContent = 'Copied';
    setTimeout(() => {
      label.textContent = before;
    }, 1500);
  }

  // What stands beside the button is what is copied.
  for (const button of document.querySelectorAll('[data-copy]')) {
    const value = button.parentElement.querySelector('.value');
    button.hidden = false;
    button.addEventListener('click', () => copyFor(button, value.textContent, value));
  }

  for (const button of document.querySelectorAll('[data-copy-from]')) {
    const source = document.querySelector(button.dataset.copyFrom);
    button.hidden = false;
    button.addEventListener('click', () => copyFor(button, source.value, source));
  }

  for (const button of document.querySelectorAll('[data-print]')) {
    button.hidden = false;
    button.addEventListener('click', () => window.print());
  }

  // A password typed on a sheet goes to the printer and nowhere else: its field has no name and no form.

  for (const element of document.querySelectorAll('[data-paper-only]')) element.hidden = false;

  // Waiting: the request is held open by the server, and the page shows the answer at once.

  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  async function untilThere(address) {
    for (;;) {
      try {
        const response = await fetch(address, { redirect: 'manual', cache: 'no-store' });
        // A redirect to the plain address is how the server says that the answer is there.
        if (response.status !== 202) return;
      } catch {
        await pause(2000);
      }
      await pause(100);
    }
  }

  const waiting = document.querySelector('[data-reload]');
  if (waiting) {
    const began = Date.now() - Number(waiting.dataset.waited) * 1000;
    const elapsed = waiting.querySelector('[data-elapsed]');
    setInterval(() => {
      elapsed.textContent = Math.round((Date.now() - began) / 1000) + ' s';
    }, 1000);
    // replace: the way back leads to where the reader came from.
    untilThere(waiting.dataset.reload).then(() => location.replace(location.href));
  }
})();
