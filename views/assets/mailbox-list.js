// The list of a domain's mailboxes: filters while typing, turns the page and sorts without loading the page again, and keeps
// the selection meanwhile. Without this script the same buttons send the form. page.js loads it.

const storageKey = 'mail-setup-selection';

/** Milliseconds without a key press before the list is filtered. */
const typingPause = 250;

/** `tools` are functions of page.js. */
export function start(form, { say, fill, pause, show, offerCopying }) {
  const { dataset } = form;
  const find = (selector) => form.querySelector(selector);
  const rows = () => [...form.querySelectorAll('[name=login]')];
  const inPanel = form.closest('.mail-setup') !== null;

  // The selection: the logins, on all pages of the list. The browser keeps it for this tab.

  const chosen = new Set();

  /** The selections of this viewer. Those of another viewer, or of an earlier login in the panel, are not used. */
  function stored() {
    try {
      const found = JSON.parse(sessionStorage.getItem(storageKey));
      if (found.viewer === dataset.viewer) return found;
    } catch {
      // There is none, or the browser does not allow it.
    }
    return { viewer: dataset.viewer, domains: {} };
  }

  /** `asOf` is the age of the answer in which all these mailboxes existed. */
  function store(asOf) {
    const all = stored();
    all.domains[dataset.domain] = { asOf, logins: [...chosen] };
    try {
      sessionStorage.setItem(storageKey, JSON.stringify(all));
    } catch {
      // It is full or not allowed: the selection lasts until another page is opened.
    }
  }

  const words = find('[data-chosen]');
  const nothing = find('[data-nothing]');

  /** The same choice as in selectionWords() of the server. */
  function textOf(count, here, all) {
    const texts = words.dataset;
    if (count === 0) return texts.none;
    if (count === 1) return here === 1 ? texts.one : texts.oneElsewhere;
    if (count === all) return texts.all;
    if (here === count) return texts.many;
    return here === 0 ? texts.elsewhere : texts.some;
  }

  /** Ticks the rows that are selected, and says what is selected. */
  function showSelection() {
    const boxes = rows();
    for (const box of boxes) box.checked = chosen.has(box.value);
    const here = boxes.filter((box) => box.checked).length;
    const [count, all] = [chosen.size, Number(list().dataset.all)];
    const text = fill(textOf(count, here, all), { count, here, all });
    // A status that does not change is not announced again.
    if (words.textContent !== text) words.textContent = text;
    if (count > 0) nothing.textContent = '';
    const page = find('[data-tick-all]');
    if (!page) return;
    page.hidden = false;
    page.checked = here === boxes.length;
    page.indeterminate = here > 0 && here < boxes.length;
  }

  function changeSelection(logins, selected) {
    for (const login of logins) {
      if (selected) chosen.add(login);
      else chosen.delete(login);
    }
    store(checkedAsOf);
    showSelection();
  }

  /** The logins that match a view of the list; null where the server does not answer, or the page was left meanwhile. */
  async function loginsOf(query) {
    const response = await fetch(`${dataset.logins}?${query}`).catch(() => null);
    const answer = response && response.ok ? await response.json().catch(() => null) : null;
    return form.isConnected ? answer : null;
  }

  let selecting = 0;

  async function select(which, view) {
    const mine = ++selecting;
    if (which === 'none') {
      changeSelection([...chosen], false);
      return;
    }
    const answer = await loginsOf(which === 'all' ? '' : view);
    if (mine !== selecting) return;
    failed.textContent = '';
    if (answer === null) failed.textContent = failed.dataset.failed;
    else changeSelection(answer.logins, true);
  }

  /** The age of the answer with which the selection was compared last. */
  let checkedAsOf = 0;

  /** Takes out of the selection what a newer answer of Virtualmin no longer contains, and says so. */
  async function dropMissing() {
    const asOf = Number(list().dataset.asOf);
    if (asOf === checkedAsOf) return;
    const answer = chosen.size === 0 ? { asOf, logins: [] } : await loginsOf('');
    // An older answer may lack a mailbox that is new in the list.
    if (answer === null || answer.asOf < Number(list().dataset.asOf)) return;
    checkedAsOf = asOf;
    const existing = new Set(answer.logins);
    const missing = [...chosen].filter((login) => !existing.has(login));
    changeSelection(missing, false);
    if (missing.length === 0) return;
    const box = find('[data-missing]');
    const logins = missing.slice(0, 10).join(', ') + (missing.length > 10 ? ', …' : '');
    const text = missing.length === 1 ? box.dataset.one : box.dataset.many;
    box.firstElementChild.textContent = fill(text, { count: missing.length, logins });
    box.hidden = false;
  }

  // The view of the list: the search, the filters, the order and the page.

  const list = () => find('#mailbox-list');
  const failed = find('[data-failed]');
  const field = find('[name=q]');
  const filters = [...form.querySelectorAll('[name=differs], [name=never]')];
  let request = new AbortController();
  let shown = new URLSearchParams(location.search);

  /** What was typed and ticked above the list, with the order that is shown. */
  function typedView() {
    const view = new URLSearchParams();
    if (field.value.trim() !== '') view.set('q', field.value.trim());
    for (const box of filters) if (box.checked) view.set(box.name, '1');
    for (const { name, value } of list().querySelectorAll('[type=hidden]')) view.set(name, value);
    return view;
  }

  /** The page's address for a view. Parameters that the panel's theme has added stay. */
  function addressOf(view) {
    const query = new URLSearchParams(view);
    const added = new URLSearchParams(location.search).get('xnavigation');
    if (inPanel && added !== null) query.set('xnavigation', added);
    return dataset.page + (query.size > 0 ? `?${query}` : '');
  }

  /**
   * Loads and shows a view of the list. A newer call ends this one. `changeAddress` puts it into the browser's
   * address. Returns whether the view is shown.
   */
  async function load(view, changeAddress) {
    request.abort();
    const mine = (request = new AbortController());
    const before = list();
    before.setAttribute('aria-busy', 'true');
    let response;
    let next;
    try {
      response = await fetch(`${dataset.list}?${view}`, { signal: mine.signal });
      const page = new DOMParser().parseFromString(await response.text(), 'text/html');
      next = response.ok ? page.getElementById('mailbox-list') : null;
    } catch {
      // It was ended, or the server did not answer.
    }
    if (mine.signal.aborted || !form.isConnected) return false;
    before.removeAttribute('aria-busy');
    failed.textContent = response ? '' : failed.dataset.failed;
    if (!response) return false;
    if (!next) {
      // The page says what happened: it waits for Virtualmin, it reports a failure, or the panel wants a login.
      show(addressOf(view));
      return false;
    }
    const focused = before.contains(document.activeElement) && document.activeElement.dataset.turn;
    before.replaceWith(next);
    shown = view;
    if (changeAddress) changeAddress(view);
    offerCopying(next);
    showSelection();
    if (focused) next.querySelector(`[data-turn="${focused}"]`)?.focus();
    void dropMissing();
    return true;
  }

  // Authentic keeps the page's address in its own state too, and loads from there.
  const replaceAddress = (view) => {
    const address = addressOf(view);
    const state = inPanel && history.state ? { ...history.state, url: address } : history.state;
    history.replaceState(state, '', address);
  };
  const pushAddress = (view) => {
    if (inPanel) replaceAddress(view);
    else history.pushState(null, '', addressOf(view));
  };

  let typed = 0;

  async function filter(milliseconds) {
    const mine = ++typed;
    await pause(milliseconds);
    if (mine !== typed) return;
    if (await load(typedView(), replaceAddress)) say(list().dataset.matches);
  }

  /** Takes over the filters of the form into a view, which then begins with the first page. */
  function takeFilters(view) {
    const given = typedView();
    for (const name of ['q', 'differs', 'never']) {
      const value = given.get(name);
      if (value === view.get(name)) continue;
      view.delete('page');
      if (value === null) view.delete(name);
      else view.set(name, value);
    }
  }

  function showFilters(view) {
    field.value = view.get('q') ?? '';
    for (const box of filters) box.checked = view.get(box.name) === '1';
  }

  /** Shows the view that a button of the list leads to, with the filters that were typed or ticked but are not shown yet. */
  async function turn(button) {
    typed++;
    const { turn: which } = button.dataset;
    const view = new URL(button.formAction).searchParams;
    if (which === 'all') showFilters(view);
    else takeFilters(view);
    if (!(await load(view, pushAddress))) return;
    if (which === 'all') {
      field.focus();
      say(list().dataset.matches);
    } else if (which === 'page') {
      say(list().dataset.pages);
      find('table').focus({ preventScroll: true });
      list().scrollIntoView();
    }
  }

  form.addEventListener('input', (event) => {
    if (event.target === field) void filter(typingPause);
  });
  form.addEventListener('change', ({ target }) => {
    if (filters.includes(target)) void filter(0);
    else if (target.name === 'login') changeSelection([target.value], target.checked);
    else if ('tickAll' in target.dataset) {
      changeSelection(
        rows().map(({ value }) => value),
        target.checked,
      );
    }
  });

  // Before the listeners of page.js and of the panel.
  form.addEventListener(
    'submit',
    (event) => {
      const { submitter } = event;
      const stop = () => {
        event.preventDefault();
        event.stopImmediatePropagation();
      };
      if (submitter && submitter.name === 'search') {
        stop();
        void filter(0);
      } else if (submitter && submitter.name === 'select') {
        stop();
        void select(submitter.value, new URL(submitter.formAction).searchParams);
      } else if (submitter && submitter.dataset.turn) {
        stop();
        void turn(submitter);
      } else if (chosen.size === 0) {
        stop();
        // Emptied first, so that it is announced each time.
        nothing.textContent = '';
        setTimeout(() => (nothing.textContent = nothing.dataset.nothing));
      }
    },
    true,
  );
  // Not into the field, whose value would stay in copies of the page.
  form.addEventListener('formdata', ({ formData }) => {
    const here = new Set(rows().map(({ value }) => value));
    formData.set('chosen', [...chosen].filter((login) => !here.has(login)).join(' '));
  });

  if (!inPanel) {
    window.addEventListener('popstate', () => {
      const view = new URLSearchParams(location.search);
      if (String(view) === String(shown)) return;
      showFilters(view);
      void load(view, null);
    });
  }

  // The head of the table and the bar with the selection stay at the top. The bar's height depends on the width.

  new ResizeObserver(([{ target }]) => {
    form.style.setProperty('--mcs-bar', `${target.offsetHeight}px`);
  }).observe(find('.mcs-bar'));
  if (inPanel) form.style.setProperty('--mcs-ground', groundOf(form));
  form.classList.add('mcs-sticky');

  // What was ticked before this script was there, or is stored.
  const known = stored().domains[dataset.domain];
  const ticked = rows().filter((box) => box.checked);
  const before = known ? known.logins : ticked.map(({ value }) => value);
  for (const login of [...find('[name=chosen]').value.split(' '), ...before]) {
    if (login !== '') chosen.add(login);
  }
  checkedAsOf = known ? known.asOf : 0;
  showSelection();
  void dropMissing();
  if (!inPanel) {
    // Later than browsers restore the boxes of a page to which the user returns.
    window.addEventListener('pageshow', ({ persisted }) => {
      const latest = persisted && stored().domains[dataset.domain];
      if (latest) {
        chosen.clear();
        for (const login of latest.logins) chosen.add(login);
        checkedAsOf = latest.asOf;
      }
      showSelection();
    });
  }
}

/** The colour behind an element: the panel's, which its themes set on different elements. */
function groundOf(element) {
  for (let one = element; one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor;
    if (!/^(transparent|rgba\(.*, 0(\.\d+)?\))$/.test(colour)) return colour;
  }
  return 'canvas';
}
