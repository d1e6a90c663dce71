import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  jest,
  test,
} from '@jest/globals';
import type request from 'supertest';
import { fromBuffer, type Entry } from 'yauzl';
import { clientIds } from '../../../../src/formats/guides';
import { accessToken, startApp, type TestApp } from '../../../helpers/app';
import type { mailboxesJson } from '../../../../src/formats/json';
import type { Texts } from '../../../../src/texts/languages';
import { languages } from '../../../helpers/languages';
import { readPdf, textOfPdf } from '../../../helpers/pdf';
import { answerUsers, userValues } from '../../../helpers/virtualmin';

let app: TestApp;

beforeAll(async () => {
  app = await startApp();
});

afterEach(() => {
  if (app.virtualmin.override === null) return;
  app.virtualmin.override = null;
  // Its cached answers are now too old.
  app.clock.now += 20 * 60_000;
});

afterAll(() => {
  app.close();
});

const bobPath = '/domains/example.com/mailboxes/bob.example';

/** Reads the body as bytes for every content type. */
function bytes(test: request.Test) {
  return test.buffer(true).parse((response, done) => {
    const parts: Buffer[] = [];
    response.on('data', (part: Buffer) => parts.push(part));
    response.on('end', () => {
      done(null, Buffer.concat(parts));
    });
  });
}

async function get(path: string): Promise<Buffer> {
  const response = await bytes(app.get(path));
  expect(response.status).toBe(200);
  return response.body as Buffer;
}

const pagesOf = (pdf: Buffer) => Number(/Pages:\s+(\d+)/.exec(readPdf(pdf, 'pdfinfo'))?.[1]);

/** The objects of a PDF, by their reference: `12 0 R`. */
function objectsOf(pdf: Buffer): ReadonlyMap<unknown, Readonly<Record<string, unknown>>> {
  const { qpdf } = JSON.parse(readPdf(pdf, 'qpdf', '--json', '--json-stream-data=none')) as {
    qpdf: [unknown, Record<string, { value?: Record<string, unknown> }>];
  };
  const entries = Object.entries(qpdf[1]);
  return new Map(entries.map(([name, { value }]) => [name.replace('obj:', ''), value ?? {}]));
}

describe('sheet.pdf', () => {
  test('is a complete, tagged PDF with a file name, in its language', async () => {
    const response = await bytes(app.get(`${bobPath}/sheet.pdf?lang=fr`));
    const headers = response.headers as Record<string, string>;
    expect(headers['content-type']).toBe('application/pdf');
    expect(headers['content-disposition']).toBe('attachment; filename="bob@example.com.pdf"');
    const pdf = response.body as Buffer;
    expect(readPdf(pdf, 'pdfinfo')).toMatch(/Title: +Paramètres de messagerie: bob@example\.com/);
    expect(readPdf(pdf, 'pdfinfo')).toMatch(/Tagged: +yes/);
    expect(readPdf(pdf, 'pdfinfo', '-struct')).toMatch(
      /Document[^]*Sect[^]*H1[^]*L[^]*LI[^]*Figure/,
    );
    expect(pdf.toString('latin1')).toContain('/Lang (fr)');
  });

  test.each(['en', 'fr', 'nl', 'de'])('has the same content as the page: %s', async (lang) => {
    const text = textOfPdf(await get(`${bobPath}/sheet.pdf?lang=${lang}`));
    const { text: html } = await app.get(`${bobPath}/sheet?lang=${lang}`);
    for (const value of ['bob@example.com', 'bob.example', 'mail.example.com', '143', '587']) {
      expect(text).toContain(value);
    }
    const article = html.slice(html.indexOf('<article'), html.indexOf('</article>'));
    const sentences = [...article.matchAll(/<(?:dt|h3|h4|footer)[^>]*>([^<]+)</g)]
      .map(([, words = '']) => words.replace('&#39;', "'").replace(/\s+/g, ' '))
      .filter((words) => !words.includes(languages.find(lang)?.text('sheet_steps') ?? ''));
    expect(sentences.length).toBeGreaterThan(15);
    for (const words of sentences) expect(text.replaceAll('- ', '-')).toContain(words);
  });

  test('has the same bytes each time', async () => {
    const first = await get(`${bobPath}/sheet.pdf`);
    app.clock.now += 1000;
    expect(first.equals(await get(`${bobPath}/sheet.pdf`))).toBe(true);
    expect(first.equals(await get('/domains/example.com/mailboxes/zoe.example/sheet.pdf'))).toBe(
      false,
    );
  });

  test.each(['en', 'fr', 'nl', 'de'].flatMap((lang) => ['a4', 'letter'].map((p) => [lang, p])))(
    'fits on one page: %s on %s',
    async (lang, paper) => {
      const pdf = await get(`${bobPath}/sheet.pdf?lang=${lang}&paper=${paper}`);
      expect(pagesOf(pdf)).toBe(1);
      const size = paper === 'a4' ? '595.28 x 841.89' : '612 x 792';
      expect(readPdf(pdf, 'pdfinfo')).toContain(size);
    },
  );

  test('embeds every font', async () => {
    const fonts = readPdf(await get(`${bobPath}/sheet.pdf`), 'pdffonts')
      .split('\n')
      .slice(2);
    expect(fonts.length).toBeGreaterThan(2);
    for (const font of fonts.filter((line) => line !== '')) {
      // The columns emb, sub and uni: embedded, subset, with a mapping to Unicode.
      expect(font).toMatch(/yes yes yes/);
    }
  });

  test('has every guide on further pages, in order', async () => {
    const all = clientIds.map((id) => `client=${id}`).join('&');
    const pdf = await get(`${bobPath}/sheet.pdf?${all}`);
    expect(pagesOf(pdf)).toBe(2);
    const text = textOfPdf(pdf);
    for (const id of clientIds) {
      const key = `guide_${id.replaceAll('-', '_')}_title`;
      expect(text).toContain(languages.english.text(key));
    }
    expect(text).toContain('Page 2 of 2');
  });

  test.each([
    ['Greek', 'Ελένη Παπαδοπούλου'],
    ['Cyrillic', 'Юрій Ґалаґан'],
    ['Latin with every mark', 'Łukasz Öztürk-Nguyễn'],
    ['Hebrew', 'דוד לוי'],
    ['Arabic', 'محمد'],
  ])('%s: the name can be extracted as text', async (_script, name) => {
    const text = textOfPdf(await sheetOf(name));
    // Poppler gives right-to-left words in reading order.
    for (const word of name.split(' ')) expect(text).toContain(word);
    expect(text).not.toContain('cannot be printed');
  });

  test.each([['山田太郎'], ['김철수']])('a name that no font covers: %s', async (name) => {
    const pdf = await sheetOf(name);
    expect(textOfPdf(pdf)).toContain('(name in letters that cannot be printed here)');
    // The name is still there for a screen reader.
    const hex = Buffer.from(`\ufeff${name}`, 'utf16le').swap16().toString('latin1');
    expect(unescaped(pdf)).toContain(hex);
  });

  test('a name with an emoji', async () => {
    expect(textOfPdf(await sheetOf('Bob 🎉 Example'))).toContain('Bob […] Example');
  });

  test('a name of 120 characters breaks into lines', async () => {
    const name = 'Wolfeschlegelsteinhausenbergerdorff'.repeat(4).slice(0, 120);
    expect(textOfPdf(await sheetOf(name)).replaceAll(' ', '')).toContain(name);
  });
});

describe('sheets for several mailboxes', () => {
  test('a hundred sheets: the pages are in order, each with its own structure', async () => {
    const list = JSON.parse(
      (await app.get('/domains/big.example/mailboxes.json')).text,
    ) as ReturnType<typeof mailboxesJson>;
    const chosen = list.mailboxes.filter(({ disabled }) => !disabled).slice(0, 100);
    const form = { login: chosen.map(({ login }) => login), selected: '1' };
    const response = await bytes(
      app.post('/domains/big.example/sheets.pdf').type('form').send(form),
    );
    const pdf = response.body as Buffer;

    const pages = readPdf(pdf, 'pdftotext').split('\f').slice(0, -1);
    expect(pages).toHaveLength(100);
    for (const [index, { login }] of chosen.entries()) expect(pages[index]).toContain(login);

    const objects = objectsOf(pdf);
    const catalog = objects.get(objects.get('trailer')?.['/Root']);
    const root = objects.get(catalog?.['/StructTreeRoot']) as {
      '/ParentTree': { '/Kids': string[] };
    };
    const parents = new Map<unknown, string[]>();
    for (const kid of root['/ParentTree']['/Kids']) {
      const leaf = objects.get(kid) as { '/Nums': unknown[]; '/Limits': unknown[] };
      const numbers = leaf['/Nums'];
      expect(leaf['/Limits']).toEqual([numbers[0], numbers.at(-2)]);
      for (let at = 0; at < numbers.length; at += 2) {
        parents.set(numbers[at], numbers[at + 1] as string[]);
      }
    }
    const tagged = [...objects].filter(([, object]) => object['/Type'] === '/Page');
    expect(tagged).toHaveLength(100);
    for (const [page, { '/StructParents': key }] of tagged) {
      const elements = parents.get(key) ?? [];
      expect(elements.length).toBeGreaterThan(50);
      for (const [content, element] of elements.entries()) {
        expect(objects.get(element)).toMatchObject({ '/Pg': page, '/K': [content] });
      }
    }
  });

  test('sheets.pdf has one page each, and lists at the end the mailboxes without a sheet, with the reason', async () => {
    const pdf = await get('/domains/example.com/sheets.pdf');
    expect(pagesOf(pdf)).toBe(5);
    const text = textOfPdf(pdf);
    expect(text).toContain('Mailboxes without a sheet');
    expect(text).toContain('off@example.com : The mailbox is disabled.'.replace(' :', ':'));
    expect(text).toContain('nomail.example: ');
  });

  test('the page lists the mailboxes without a sheet too', async () => {
    const { text } = await app.get('/domains/example.com/sheets?lang=de');
    expect(text).toContain('Postfächer ohne Blatt');
    expect(text).toContain('Das Postfach ist deaktiviert.');
  });

  test.each(['sheet', 'sheet.pdf'])(
    '%s of a disabled mailbox: refused with the reason',
    async (name) => {
      const response = await app.get(`/domains/example.com/mailboxes/off.example/${name}`);
      expect(response.status).toBe(409);
      expect(response.text).toContain('off@example.com: The mailbox is disabled.');
    },
  );

  test.each([
    ['logins', { login: ['zoe.example', 'bob.example'], selected: '1' }, 2],
    [
      'the search, with all its matches',
      { q: 'bob', matching: '1', selected: '1', login: 'zoe.example' },
      1,
    ],
    ['a filter', { q: 'bob' }, 1],
  ])('a selection by %s', async (_what, query, pages) => {
    const response = await bytes(app.get('/domains/example.com/sheets.pdf').query(query));
    expect(pagesOf(response.body as Buffer)).toBe(pages);
    if (!('selected' in query)) return;
    const posted = await bytes(
      app.post('/domains/example.com/sheets.pdf').type('form').send(query),
    );
    expect(posted.status).toBe(200);
    expect((posted.body as Buffer).equals(response.body as Buffer)).toBe(true);
  });

  test('the page of 5,000 mailboxes has 4,990 sheets, as ten mailboxes get none', async () => {
    const { text } = await app
      .get('/domains/big.example/sheets?wait=1')
      .redirects(1)
      .set('Authorization', `Bearer ${accessToken}`);
    expect(text.match(/class="mcs-sheet /g)).toHaveLength(4990);
  }, 90_000);

  test('a form can have thousands of logins', async () => {
    const login = Array.from({ length: 3000 }, (_, index) => `big-user-${index}`);
    const response = await app
      .post('/domains/example.com/mailboxes.csv')
      .type('form')
      .send({ login, selected: '1' });
    expect(response.status).toBe(404);
    expect(response.text).toContain('no mailbox with the user name');
  });

  test.each([
    ['lang=xx', '"lang" must be'],
    ['client=nothing', '"client" must be'],
    ['paper=a0', '"paper" must be'],
    ['selected=1', 'Tick the mailboxes first'],
    ['job=..', '"job" must be'],
  ])('refuses %s', async (query, words) => {
    const response = await app.get(`/domains/example.com/sheets.pdf?${query}`);
    expect(response.status).toBe(400);
    expect(response.text.replaceAll('&#34;', '"')).toContain(words);
  });

  test('sheets.zip has one PDF each, with the same bytes each time', async () => {
    const zip = await get('/domains/example.com/sheets.zip?lang=nl');
    const files = await unzip(zip);
    expect([...files.keys()]).toEqual([
      'alice@example.com.pdf',
      'bob@example.com.pdf',
      'example@example.com.pdf',
      'zoe@example.com.pdf',
      'no-sheet.txt',
    ]);
    const bob = files.get('bob@example.com.pdf') ?? Buffer.alloc(0);
    expect(bob.equals(await get(`${bobPath}/sheet.pdf?lang=nl`))).toBe(true);
    expect(String(files.get('no-sheet.txt'))).toContain(
      'off@example.com: De mailbox is uitgeschakeld.',
    );
    expect(zip.equals(await get('/domains/example.com/sheets.zip?lang=nl'))).toBe(true);
  });
});

describe('a long job', () => {
  test.each(['sheets.pdf', 'sheets.zip'])('%s stops if the client disconnects', async (name) => {
    await get('/domains/big.example/mailboxes.json');
    const job = `leaves-${name.slice(-3)}`;
    await leaveAfterFirstBytes(`/domains/big.example/${name}?job=${job}`);
    const state = await stateOf(job, (one) => one.state !== 'running');
    expect(state.state).toBe('stopped');
    expect(state.done).toBeLessThan(1000);
  });

  test('shows its progress and can be cancelled', async () => {
    const running = bytes(app.get('/domains/big.example/sheets.pdf?job=cancel-me')).then(
      () => 'whole',
      () => 'broken off',
    );
    const state = await stateOf('cancel-me', ({ done }) => done > 10);
    expect(state.state).toBe('running');
    expect(state.total).toBeGreaterThan(4900);
    const { status } = await app.post('/domains/big.example/jobs/cancel-me/cancel');
    expect(status).toBe(204);
    expect(await running).toBe('broken off');
    expect((await stateOf('cancel-me', () => true)).state).toBe('stopped');
  });

  test('is reported as finished; an unknown one is a 404', async () => {
    await get('/domains/example.com/sheets.pdf?job=finished-1');
    const answer = await app.get('/domains/example.com/jobs/finished-1.json');
    expect(answer.body).toEqual({ done: 4, total: 4, state: 'finished' });
    expect((await app.get('/domains/example.net/jobs/finished-1.json')).status).toBe(404);
  });
});

describe('an answer that is broken off', () => {
  const printed = jest.spyOn(console, 'error').mockImplementation(() => undefined);

  beforeEach(() => {
    printed.mockClear();
  });

  afterAll(() => {
    printed.mockRestore();
  });

  /** The app as in production, whose texts fail at the third sheet. */
  async function failingApp(): Promise<TestApp> {
    let count = 0;
    const failing = (texts: Texts): Texts => ({
      ...texts,
      text(key) {
        if (key === 'sheet_password_separate' && ++count > 2) throw new RangeError('no more');
        return texts.text(key);
      },
    });
    const all = languages.all.map(failing);
    const english = failing(languages.english);
    const started = await startApp({ texts: { all, english, find: () => english } });
    started.app.set('env', 'production');
    return started;
  }

  test.each(['sheets', 'sheets.pdf', 'sheets.zip'])(
    '%s: a failure is in the log, and only there',
    async (name) => {
      const failing = await failingApp();
      try {
        const answer = await bytes(failing.get(`/domains/example.com/${name}`)).then(
          () => 'whole',
          () => 'broken off',
        );
        expect(answer).toBe('broken off');
        expect(failing.logged()).toMatch(/"code":"internal","error":"RangeError","at":.*"failed"/);
        expect(failing.logged()).not.toContain('no more');
        expect(printed).not.toHaveBeenCalled();
      } finally {
        failing.close();
      }
    },
  );

  test.each(['sheets', 'sheets.pdf', 'sheets.zip'])(
    '%s: a client that leaves is not a failure',
    async (name) => {
      const left = await startApp();
      left.app.set('env', 'production');
      try {
        await left.get('/domains/big.example/mailboxes.json');
        await leaveAfterFirstBytes(`/domains/big.example/${name}`, left);
        while (!left.logged().includes('"complete":false')) await setTimeout(20);
        await setTimeout(100);
        expect(left.logged()).not.toContain('"failed"');
        expect(printed).not.toHaveBeenCalled();
      } finally {
        left.close();
      }
    },
  );
});

interface State {
  readonly done: number;
  readonly total: number;
  readonly state: string;
}

/** Waits until the state of a job of big.example satisfies the condition. */
async function stateOf(job: string, asWaitedFor: (state: State) => boolean): Promise<State> {
  for (;;) {
    const response = await app.get(`/domains/big.example/jobs/${job}.json`);
    const state = response.body as State;
    if (response.status === 200 && asWaitedFor(state)) return state;
    await setTimeout(20);
  }
}

async function leaveAfterFirstBytes(path: string, from = app): Promise<void> {
  const server = from.app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const headers = { Authorization: `Bearer ${accessToken}` };
  const request = http.get({ port, host: '127.0.0.1', path, headers });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  await once(response, 'data');
  request.destroy();
  server.close();
}

function unzip(zip: Buffer): Promise<Map<string, Buffer>> {
  return new Promise((resolve, reject) => {
    const files = new Map<string, Buffer>();
    fromBuffer(zip, { lazyEntries: true }, (error, archive) => {
      if (error !== null) {
        reject(error);
        return;
      }
      archive.on('entry', (entry: Entry) => {
        archive.openReadStream(entry, (failure, stream) => {
          if (failure !== null) {
            reject(failure);
            return;
          }
          void buffer(stream).then((content) => {
            files.set(entry.fileName, content);
            archive.readEntry();
          });
        });
      });
      archive.on('end', () => {
        resolve(files);
      });
      archive.readEntry();
    });
  });
}

test('an internationalised address is printed in both forms, or in ASCII where the fonts lack a letter', async () => {
  const at = '/domains/xn--mnchen-3ya.example/mailboxes/info.mnchen-3ya';
  const text = textOfPdf(await get(`${at}/sheet.pdf`));
  expect(text).toContain('info@xn--mnchen-3ya.example');
  expect(text).toContain('as people read it: info@münchen.example.');
  app.clock.now += 20 * 60_000;
  answerUsers(app.virtualmin, userValues({ email_address: 'bob@xn--zckzah.example' }));
  const japanese = textOfPdf(await get(`${bobPath}/sheet.pdf`));
  expect(japanese).toContain('bob@xn--zckzah.example');
  expect(japanese).not.toContain('as people read it');
});

/** The sheet of a mailbox with this real name. */
async function sheetOf(realName: string): Promise<Buffer> {
  app.clock.now += 20 * 60_000;
  answerUsers(app.virtualmin, userValues({ real_name: realName }));
  return get(`${bobPath}/sheet.pdf`);
}

/** PDF strings escape backslashes and brackets. */
function unescaped(pdf: Buffer): string {
  return pdf.toString('latin1').replace(/\\([\\()])/g, '$1');
}
