// Optional: every page also works without JavaScript.
'use strict';

(function () {
  function say(text) {
    const live = document.getElementById('live');
    if (live) live.textContent = text;
  }

  /** The address of this page, without the parameters that the panel's theme adds. */
  function here() {
    const url = new window.URL(location.href);
    for (const name of ['xnavigation', '_pjax', '_']) url.searchParams.delete(name);
    return url.pathname + url.search;
  }

  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  // Copy buttons: copy only the value.

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

  // navigator.clipboard is not available on plain HTTP. Then document.execCommand copies; if that fails
  // too, the value stays selected.
  async function copy(text, element) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const fold = element.closest('details');
      const wasOpen = !fold || fold.open;
      if (fold) fold.open = true;
      select(element);
      const copied = document.execCommand('copy');
      if (copied && !wasOpen) fold.open = false;
      return copied;
    }
  }

  async function copyFor(button, text, element) {
    const copied = await copy(text, element);
    const live = document.getElementById('live');
    say(copied ? live.dataset.copied + '.' : live.dataset.selected);
    if (!copied) return;
    const label = button.firstChild;
    const before = button.dataset.label || label.textContent;
    button.dataset.label = before;
    label.textContent = live.dataset.copied;
    setTimeout(() => {
      label.textContent = before;
    }, 1500);
  }

  /** A text with its values in place of `{name}`, numbers as the language of the page writes them. */
  function fill(text, values) {
    const { lang } = document.querySelector('.mail-setup') || document.documentElement;
    const written = (value) =>
      typeof value === 'number' ? new Intl.NumberFormat(lang).format(value) : value;
    return text.replace(/\{(\w+)\}/g, (_all, name) => written(values[name]));
  }

  /** Shows the copy buttons in a part of the page. Each copies the value beside it. */
  function offerCopying(part) {
    for (const button of part.querySelectorAll('[data-copy]')) {
      const value = button.parentElement.querySelector('.mcs-value');
      button.hidden = false;
      button.addEventListener('click', () => copyFor(button, value.textContent, value));
    }
  }

  // Results of running checks are filled in as they arrive.

  async function fillIn() {
    while (document.querySelector('#results[data-running]')) {
      await pause(700);
      const response = await fetch(here(), { cache: 'no-store' }).catch(() => null);
      if (!response || !response.ok) continue;
      const page = new DOMParser().parseFromString(await response.text(), 'text/html');
      const [now, next] = [document, page].map((one) => one.getElementById('results'));
      if (now && next) now.replaceWith(next);
    }
  }
  // The waiting page: the server holds the request open, and the page then shows the answer.

  async function untilThere(address) {
    for (;;) {
      try {
        const response = await fetch(address, { redirect: 'manual', cache: 'no-store' });
        // The server redirects to the plain URL when the answer is available.
        if (response.status !== 202) return;
      } catch {
        await pause(2000);
      }
      await pause(100);
    }
  }

  // Sets up each page that is loaded.
  function start() {
    offerCopying(document);

    for (const button of document.querySelectorAll('[data-copy-from]')) {
      const source = document.querySelector(button.dataset.copyFrom);
      button.hidden = false;
      button.addEventListener('click', () => copyFor(button, source.value, source));
    }

    for (const button of document.querySelectorAll('[data-print]')) {
      button.hidden = false;
      button.addEventListener('click', () => window.print());
    }

    // A password typed on a sheet is only printed and never sent: its field has no name and no form.

    for (const element of document.querySelectorAll('[data-paper-only]')) element.hidden = false;

    // The list of mailboxes has scripts of its own. If one cannot be loaded, its form works as without JavaScript.

    const list = document.querySelector('form[data-scripts]');
    if (list) {
      for (const address of list.dataset.scripts.split(' ')) {
        import(address).then((script) =>
          script.start(list, { say, fill, pause, show, offerCopying }),
        );
      }
    }

    // The preview of a branding: the same page, made from the typed values.

    const draft = document.querySelector('[data-preview]');
    if (draft) {
      let typed = 0;
      const look = async () => {
        const mine = ++typed;
        await pause(400);
        if (mine !== typed) return;
        const data = new FormData(draft);
        data.set('action', 'preview');
        // Not draft.action, which is the button with that name.
        const address = draft.getAttribute('action');
        const response = await fetch(address, { method: 'POST', body: data }).catch(() => null);
        if (!response || mine !== typed) return;
        const page = new DOMParser().parseFromString(await response.text(), 'text/html');
        const fresh = page.getElementById('preview');
        if (fresh) document.getElementById('preview').replaceChildren(...fresh.childNodes);
      };
      draft.addEventListener('input', look);
      draft.addEventListener('change', look);
    }

    fillIn();

    const waiting = document.querySelector('[data-reload]');
    if (waiting) {
      const began = Date.now() - Number(waiting.dataset.waited) * 1000;
      const elapsed = waiting.querySelector('[data-elapsed]');
      const timer = setInterval(() => {
        elapsed.textContent = Math.round((Date.now() - began) / 1000) + ' s';
      }, 1000);
      untilThere(waiting.dataset.reload).then(() => {
        window.clearInterval(timer);
        // Does nothing if the user has opened another page meanwhile.
        if (document.contains(waiting)) show(here());
      });
    }
  }

  // In the panel, Authentic puts pages into its own and sends forms by script, with listeners on the document. The listeners
  // below stop the events that Authentic would handle wrongly.

  // Domains and logins can end like files: example.zip, bob.json.
  const isNamedPage = (link) => /\/domains\/[^/]+(?:\/mailboxes\/[^/]+)?$/.test(link.pathname);
  const isDocument = (link) =>
    !isNamedPage(link) &&
    /\.(?:pdf|zip|csv|json|txt|xml|svg|png|mobileconfig)$|\/sheets?$/.test(link.pathname);
  const comesAsFile = (link) => /\.(?:pdf|zip|csv|xml|mobileconfig)$/.test(link.pathname);

  /** Shows another page in place of this one. */
  function show(address) {
    const panel = document.querySelector('.mail-setup');
    if (!panel) {
      // Replaces the history entry: the Back button leads to the page before this one.
      location.replace(address);
      return;
    }
    const link = document.createElement('a');
    link.href = address;
    link.hidden = true;
    panel.append(link);
    link.click();
  }

  // Not only an attribute: going back, Authentic shows a copy of a page, which has the attributes but no listeners.
  const started = new WeakSet();

  function startInPanel(panel) {
    started.add(panel);
    panel.dataset.started = '';
    // The browser, not Authentic, opens documents and downloads files of selected mailboxes.
    panel.addEventListener(
      'click',
      (event) => {
        const link = event.target.closest('a[href]');
        if (!link || !isDocument(link)) return;
        if (!comesAsFile(link)) link.target = '_blank';
        event.stopPropagation();
      },
      true,
    );
    panel.addEventListener('submit', (event) => {
      const form = event.target;
      if (form.method === 'get') {
        event.preventDefault();
        event.stopPropagation();
        const given = new window.URLSearchParams(new FormData(form));
        show(`${form.getAttribute('action')}?${given}`);
      } else if ('jobs' in form.dataset) {
        event.stopPropagation();
        // Sheets are a page to print; the others are files.
        const asFile = event.submitter && event.submitter.hasAttribute('formaction');
        form.target = asFile ? '' : '_blank';
      }
    });
    // A form without an address goes to the panel's first page.
    for (const form of panel.querySelectorAll('form:not([action])')) {
      form.setAttribute('action', form.method === 'get' ? location.pathname : here());
    }
    start();
  }

  const panel = document.querySelector('.mail-setup');
  if (!panel) {
    start();
    return;
  }
  startInPanel(panel);
  // Authentic loads a script once and then replaces the page's content.
  new window.MutationObserver(() => {
    const next = document.querySelector('.mail-setup');
    if (next && !started.has(next)) startInPanel(next);
  }).observe(document.body, { childList: true, subtree: true });
})();
