import { expect, test } from '@jest/globals';
import jsQr from 'jsqr';
import { PNG } from 'pngjs';
import { named, parseXml, plistValue, texts } from '../../helpers/xml';
import { useApp } from '../../helpers/use-app';
import { answerUsers, userValues } from '../../helpers/virtualmin';

const app = useApp();

const at = '/domains/example.com/mailboxes/bob.example';

async function body(path: string): Promise<Buffer> {
  const response = await app.get(path).responseType('blob');
  expect([path, response.status]).toEqual([path, 200]);
  return response.body as Buffer;
}

const text = async (path: string) => String(await body(path));

/** The name in each format, as the program reads it that the format is for. */
const readers: Readonly<Record<string, () => Promise<unknown>>> = {
  'profile.mobileconfig': async () => {
    const profile = plistValue(parseXml(await text(`${at}/profile.mobileconfig`))) as {
      PayloadContent: [{ EmailAccountName?: string }];
    };
    return profile.PayloadContent[0].EmailAccountName;
  },
  'autodiscover.xml': async () => {
    const [response] = parseXml(await text(`${at}/autodiscover.xml`)).children;
    return texts(named(response, 'User')[0]).DisplayName;
  },
  'qr.png': async () => {
    const { data, width, height } = PNG.sync.read(await body(`${at}/qr.png`));
    const code = jsQr(new Uint8ClampedArray(data), width, height);
    const account = JSON.parse(Buffer.from(code?.binaryData ?? []).toString()) as [
      number,
      number[],
      unknown,
      [[unknown, [string, string]]],
    ];
    return account[3][0][1][1];
  },
  'settings.json': async () =>
    (JSON.parse(await text(`${at}/settings.json`)) as { realName: string }).realName,
  'mailboxes.json': async () => {
    const list = JSON.parse(await text('/domains/example.com/mailboxes.json')) as {
      mailboxes: [{ realName: string }];
    };
    return list.mailboxes[0].realName;
  },
  sheet: async () => /class="mcs-who"><bdi>([^<]*)</.exec(await text(`${at}/sheet`))?.[1],
  page: async () => /<bdi class="mcs-value">([^<]*)</.exec(await text(at))?.[1],
  list: async () =>
    /<td data-label="Real name"><bdi>([^<]*)</.exec(await text('/domains/example.com'))?.[1],
};

test.each([
  ['Kim Example,,,', 'Kim Example'],
  ['Ann Sample,Room 12,555-0101,555-0102', 'Ann Sample'],
  ['Doe, Jane', 'Doe, Jane'],
])('%s: the same name in every format, and nowhere the rest', async (real_name, name) => {
  answerUsers(app.virtualmin, userValues({ real_name }));
  for (const [format, read] of Object.entries(readers))
    expect([format, await read()]).toEqual([format, name]);
  const csv = await text('/domains/example.com/mailboxes.csv');
  expect(csv).toContain(name);
  for (const file of ['settings.txt', 'autoconfig.xml', 'sheet'])
    expect(await text(`${at}/${file}`)).not.toMatch(/Room 12|555-01|,,/);
  expect(csv).not.toMatch(/Room 12|555-01/);
});
