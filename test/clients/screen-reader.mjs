/* global print */
// Runs in gjs, not in Node.js. Finds, reads and operates what the programs of a screen show, through AT-SPI, as the
// programs for blind people do. Each line of input is a command in JSON, `[name, ...arguments]`; each answer is a line
// too, `{"value": …}` or `{"error": …}`. Things are found by the words that a person reads beside or on them.
import Atspi from 'gi://Atspi?version=2.0';
import Gio from 'gi://Gio?version=2.0';
import GLib from 'gi://GLib?version=2.0';

const { StateType, CoordType } = Atspi;
const windows = ['frame', 'dialog', 'alert', 'window', 'file chooser'];
const buttons = ['push button', 'toggle button', 'menu item', 'menu', 'radio button', 'page tab'];

const has = (one, state) => one.get_state_set().contains(state);

/** Reads something. Null where the thing has disappeared meanwhile, with its program or without. */
const attempt = (read) => {
  try {
    return read();
  } catch {
    return null;
  }
};

/** All that is shown, windows first. */
function* shown(parent = Atspi.get_desktop(0), depth = 0) {
  const count = attempt(() => parent.get_child_count()) ?? 0;
  // A table may have a row for each of thousands of messages.
  for (let index = 0; index < Math.min(count, 500); index++) {
    const one = attempt(() => parent.get_child_at_index(index));
    // Programs (depth 0) are not shown themselves.
    if (one === null || (depth > 0 && attempt(() => has(one, StateType.SHOWING)) !== true))
      continue;
    if (depth > 0) yield one;
    yield* shown(one, depth + 1);
  }
}

const role = (one) => attempt(() => one.get_role_name()) ?? '';
const plain = (text) => (text ?? '').trim();
const textOf = (one) => {
  const text = one.get_text_iface();
  return text === null ? '' : text.get_text(0, text.get_character_count());
};

/** What can be read of each one, without those that have disappeared. */
const each = (list, read) =>
  list.map((one) => attempt(() => read(one))).filter((value) => value !== null);

const fields = ['text', 'password text', 'entry'];

/** The last one that is shown: of windows one above the other, that is the upper one. */
const last = (condition) => [...shown()].filter(condition).pop() ?? null;

/** The field of these roles that a label names: by a relation, or because it is the nearest one at its right. */
function labelled(label, roles) {
  const all = [...shown()];
  const candidates = all.filter((one) => roles.includes(role(one)));
  const names = all.filter((one) => role(one) === 'label' && plain(one.name) === label);
  const related = candidates.find((field) =>
    field
      .get_relation_set()
      .some(
        (relation) =>
          relation.get_relation_type() === Atspi.RelationType.LABELLED_BY &&
          names.includes(relation.get_target(0)),
      ),
  );
  if (related !== undefined) return related;
  const box = (one) => one.get_component_iface().get_extents(CoordType.SCREEN);
  for (const name of names) {
    const { x, y, height } = box(name);
    const beside = candidates
      .map((field) => ({ field, at: box(field) }))
      .filter(({ at }) => at.x > x && Math.abs(at.y + at.height / 2 - y - height / 2) < 12)
      .sort((a, b) => a.at.x - b.at.x);
    if (beside.length > 0) return beside[0].field;
  }
  return null;
}

const found = (one, what) => {
  if (one === null) throw new Error(`there is no ${what}`);
  return one;
};

const button = (label) =>
  found(
    last(
      (one) =>
        buttons.includes(role(one)) && plain(one.name) === label && has(one, StateType.SENSITIVE),
    ),
    `button ${label}`,
  );

function type(field, text) {
  if (!field.get_editable_text_iface().set_text_contents(text))
    throw new Error('the field cannot be changed');
}

const commands = {
  /** Starts a program. What it prints goes to a file. */
  start: (command, output) => {
    const launcher = new Gio.SubprocessLauncher({ flags: Gio.SubprocessFlags.STDERR_MERGE });
    launcher.set_stdout_file_path(output);
    launcher.spawnv(command);
  },
  /** All words that are shown, also those that somebody has typed. */
  words: () => {
    const words = each([...shown()], (one) => [plain(one.name), plain(textOf(one))]).flat();
    return [...new Set(words)].filter((text) => text !== '');
  },
  /** The windows: each with its role, its title, the words in it, and whether it shows progress. */
  windows: () =>
    each(
      [...shown()].filter((one) => windows.includes(role(one))),
      (one) => {
        const inner = [...shown(one, 1)];
        const words = [...new Set(each(inner, ({ name }) => plain(name)))];
        return {
          role: role(one),
          title: plain(one.name),
          words: words.filter((text) => text !== '').join(' '),
          progress: each(inner, role).includes('progress bar'),
        };
      },
    ),
  /** The check boxes of a page, in their order. */
  boxes: () =>
    [...shown()].filter((one) => role(one) === 'check box').map((one) => plain(one.name)),
  press: (label) => {
    button(label).get_action_iface().do_action(0);
  },
  /** Presses with the mouse. A program that opens a window before it answers `press` would answer nothing any more. */
  click: (label) => {
    const { x, y, width, height } = button(label)
      .get_component_iface()
      .get_extents(CoordType.SCREEN);
    Atspi.generate_mouse_event(Math.round(x + width / 2), Math.round(y + height / 2), 'b1c');
  },
  fill: (label, text) => type(found(labelled(label, fields), `field ${label}`), text),
  /** Types into the field for a password that is uppermost on the page. */
  password: (text) => {
    const all = [...shown()].filter(
      (one) => role(one) === 'password text' && has(one, StateType.SENSITIVE),
    );
    const height = (one) => one.get_component_iface().get_extents(CoordType.SCREEN).y;
    const [first = null] = all.sort((a, b) => height(a) - height(b));
    type(found(first, 'field for a password'), text);
  },
  turn: (label, on) => {
    const box = found(
      last((one) => role(one) === 'check box' && plain(one.name) === label),
      `box ${label}`,
    );
    if (has(box, StateType.CHECKED) !== on) box.get_action_iface().do_action(0);
  },
  /** Chooses the first option that begins so: Claws Mail's French IMAP is called IMAP4. */
  choose: (label, option) => {
    const box = found(labelled(label, ['combo box']), `choice ${label}`);
    const menu = box.get_child_at_index(0);
    const names = Array.from({ length: menu.get_child_count() }, (_, index) =>
      plain(menu.get_child_at_index(index).name),
    );
    const index = names.findIndex((name) => name.startsWith(option));
    if (index === -1) throw new Error(`${label} ${names.join(', ')}: no ${option}`);
    box.get_selection_iface().select_child(index);
  },
};

// Programs that start before this is there are not seen.
Atspi.get_desktop(0).get_child_count();

const input = new Gio.DataInputStream({ base_stream: new Gio.UnixInputStream({ fd: 0 }) });
for (;;) {
  const [line] = input.read_line_utf8(null);
  if (line === null) break;
  const [name, ...args] = JSON.parse(line);
  // Programs report what has changed meanwhile.
  while (GLib.MainContext.default().iteration(false));
  let answer;
  try {
    answer = { value: commands[name](...args) ?? null };
  } catch (error) {
    answer = { error: String(error.message ?? error) };
  }
  print(JSON.stringify(answer));
}
