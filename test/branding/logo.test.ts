import { randomBytes } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { PNG } from 'pngjs';
import { maxLogoBytes } from '../../src/domain/branding';
import { cleanLogo } from '../../src/branding/logo';
import { english } from '../helpers/languages';
import { valueOf } from '../helpers/settings';

function svg(inside: string, attributes = 'viewBox="0 0 40 10"'): Buffer {
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${attributes}>${inside}</svg>`,
  );
}

const cleaned = (inside: string) => valueOf(cleanLogo(svg(inside))).bytes.toString();

function problemOf(file: Buffer): string | null {
  const logo = cleanLogo(file);
  return 'problem' in logo ? english.say(logo.problem) : null;
}

function png(width: number, height: number, pixel: readonly number[] = [20, 80, 155, 255]): PNG {
  const picture = new PNG({ width, height });
  for (let at = 0; at < picture.data.length; at += 4) picture.data.set(pixel, at);
  return picture;
}

/** A PNG chunk with its checksum; pngjs cannot write arbitrary chunks. */
function chunk(type: string, data: Buffer): Buffer {
  const table = Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c >>> 0;
  });
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  let crc = 0xffffffff;
  for (const byte of body) crc = (table[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  const ends = [Buffer.alloc(4), Buffer.alloc(4)] as const;
  ends[0].writeUInt32BE(data.length);
  ends[1].writeUInt32BE((crc ^ 0xffffffff) >>> 0);
  return Buffer.concat([ends[0], body, ends[1]]);
}

describe('an SVG logo', () => {
  test('keeps its shapes and colours', () => {
    const drawing =
      '<defs><linearGradient id="g" x1="0" x2="1"><stop offset="0" stop-color="#14509b"/></linearGradient></defs>' +
      '<g transform="translate(2 2)"><path d="M0 0h10v5z" fill="url(#g)"/></g>';
    const logo = valueOf(cleanLogo(svg(drawing)));
    expect(logo).toMatchObject({ type: 'image/svg+xml', width: 40, height: 10 });
    expect(logo.bytes.toString()).toBe(
      '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 10"><defs><linearGradient id="g" x1="0" x2="1"><stop offset="0" stop-color="#14509b"/></linearGradient></defs>' +
        '<g transform="translate(2 2)"><path d="M0 0h10v5z" fill="url(#g)"/></g></svg>',
    );
  });

  test('is unchanged by a second cleaning', () => {
    const once = valueOf(cleanLogo(svg('<rect width="10" height="10" style="fill: #123456"/>')));
    expect(valueOf(cleanLogo(once.bytes))).toEqual(once);
  });

  test.each([
    ['a script', '<script>alert(1)</script>'],
    ['a script in another case and namespace', '<x:script xmlns:x="urn:x">alert(1)</x:script>'],
    ['an event', '<path d="M0 0h1" onload="alert(1)" onclick="alert(1)"/>'],
    ['an animation', '<set attributeName="href" to="javascript:alert(1)"/>'],
    ['a link', '<a xlink:href="javascript:alert(1)"><path d="M0 0h1"/></a>'],
    ['a reference outside', '<path d="M0 0h1" fill="url(https://evil.example/x#y)"/>'],
    ['a reference outside in a style', '<path d="M0 0h1" style="fill:url(//evil.example)"/>'],
    ['an import', '<style>.a{fill:red;background:url(https://evil.example)}</style><g class="a"/>'],
    ['an old expression', '<path d="M0 0h1" style="width:expression(alert(1))"/>'],
    ['a name in the drawing', '<title>Evil Ltd</title><desc>evil</desc><metadata>evil</metadata>'],
    ['a comment', '<!-- evil --><?evil x?>'],
    ['markup as text', '<path d="M0 0h1" id="&quot;&gt;&lt;script&gt;alert(1)"/>'],
  ])('%s is removed', (_what, inside) => {
    const text = cleaned(`${inside}<path d="M0 0h4v4z"/>`);
    expect(text).toContain('<path d="M0 0h4v4z"/>');
    expect(text).not.toMatch(/script|alert|evil|onload|onclick|href|expression/i);
  });

  test('CSS class rules become attributes', () => {
    const text = cleaned(
      '<style>/* made by hand */ .a,.b{fill:#111111;stroke:none} .b{fill:#222222}</style>' +
        '<path class="a" d="M0 0h1"/><path class="b" d="M0 0h2" fill="#333333"/><path class="b" style="fill:#444444" d="M0 0h3"/>',
    );
    expect(
      [...text.matchAll(/<path d="[^"]*" fill="(#\d+)" stroke="none"/g)].map(([, fill]) => fill),
    ).toEqual(['#111111', '#222222', '#444444']);
    expect(text).not.toContain('style');
  });

  test.each([
    ['text', '<text>Evil</text>', /turn it into paths/],
    ['a picture', '<image href="https://evil.example/x.png"/>', /as a PNG instead/],
    ['parts used again', '<use xlink:href="#a"/>', /repeats a part of itself/],
    ['a page', '<foreignObject><p xmlns="http://www.w3.org/1999/xhtml"/></foreignObject>', /PNG/],
    ['a filter', '<filter id="f"/>', /filter/],
    ['rules for everything', '<style>path{fill:red}</style>', /other than a class/],
    ['an import in its style', '<style>@import url(//evil.example);.a{fill:red}</style>', /class/],
    ['nothing', '<title>x</title>', /shows nothing/],
  ])('%s: refused, and the message says what to do', (_what, inside, words) => {
    expect(problemOf(svg(inside))).toMatch(words);
  });

  test('too complex for a printer: refused', () => {
    expect(problemOf(svg('<path d="M0 0h1"/>'.repeat(2001)))).toMatch(/too complicated/);
    expect(problemOf(svg('<g>'.repeat(40) + '<path d="M0 0"/>' + '</g>'.repeat(40)))).toMatch(
      /too complicated/,
    );
    expect(problemOf(svg(`<path d="${'M0 0h1'.repeat(50_000)}"/>`))).toMatch(/at most 256 KB/);
  });

  test.each([
    ['one long word', `<style>${'a'.repeat(100_000)}</style>`],
    ['comments without an end', `<style>${'/*a'.repeat(33_000)}</style>`],
    ['many short style sheets', `<style>${'a'.repeat(10_000)}</style>`.repeat(2)],
  ])('a style sheet too long to search: %s: refused at once', (_what, inside) => {
    const began = performance.now();
    expect(problemOf(svg(`${inside}<path d="M0 0h1"/>`))).toMatch(/too complicated/);
    expect(performance.now() - began).toBeLessThan(1000);
  });

  test('many classes with many declarations on many elements: cleaned without delay', () => {
    const names = Array.from({ length: 1600 }, (_, index) => `a${index.toString(36)}`);
    const rule = `${names.map((name) => `.${name}`).join(',')}{${'a:b;'.repeat(2000)}}`;
    const element = `<path d="M0 0h1" class="${names.join(' ')}"/>`;
    const began = performance.now();
    expect(problemOf(svg(`<style>${rule}</style>${element.repeat(30)}`))).toBeNull();
    expect(performance.now() - began).toBeLessThan(2000);
  });

  test('many beginnings of a document type: refused at once', () => {
    const began = performance.now();
    expect(problemOf(Buffer.from('<!DOCTYPE'.repeat(28_000)))).toMatch(/must be a PNG or an SVG/);
    expect(performance.now() - began).toBeLessThan(1000);
  });

  test.each([
    ['without a size', svg('<path d="M0 0h1"/>', '')],
    ['without a height', svg('<path d="M0 0h1"/>', 'viewBox="0 0 10 0"')],
    ['with words as size', svg('<path d="M0 0h1"/>', 'viewBox="a b c d"')],
    ['with an infinite size', svg('<path d="M0 0h1"/>', 'viewBox="0 0 1e999 1"')],
    ['with a huge size', svg('<path d="M0 0h1"/>', 'viewBox="0 0 1e300 1e300"')],
    ['with a tiny size', svg('<path d="M0 0h1"/>', 'viewBox="0 0 1e-300 1e-300"')],
    ['much wider than high', svg('<path d="M0 0h1"/>', 'viewBox="0 0 1000 1"')],
  ])('%s: refused', (_what, file) => {
    expect(problemOf(file)).toMatch(/must (state its size|be at most 20 times)/);
  });

  test('width and height count as its size', () => {
    const logo = valueOf(cleanLogo(svg('<path d="M0 0h1"/>', 'width="120px" height="40px"')));
    expect(logo).toMatchObject({ width: 120, height: 40 });
  });

  test('a document type is accepted, entities are refused', () => {
    const body = svg('<path d="M0 0h1"/>').toString();
    const type = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd">';
    expect(problemOf(Buffer.from(`\ufeff<?xml version="1.0"?>${type}${body}`))).toBeNull();
    const entity = '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>';
    expect(problemOf(Buffer.from(entity + body))).toMatch(/must not declare entities/);
  });

  test.each([
    '',
    'hello',
    '<svg',
    '<html/>',
    '<svg/>',
    '{"a":1}',
    '\0\0\0',
    '<svg xmlns="urn:x"/>',
  ])('%j is not accepted as an SVG', (text) => {
    expect(problemOf(Buffer.from(text))).toBe('must be a PNG or an SVG');
  });
});

describe('a PNG logo', () => {
  test('keeps its pixels and drops its metadata', () => {
    const file = PNG.sync.write(png(30, 10));
    const text = chunk('tEXt', Buffer.from('Author\0<script>secret</script>'));
    const evil = Buffer.concat([file.subarray(0, 33), text, file.subarray(33)]);
    const logo = valueOf(cleanLogo(evil));
    expect(logo).toMatchObject({ type: 'image/png', width: 30, height: 10 });
    expect(logo.bytes.includes('secret')).toBe(false);
    expect(PNG.sync.read(logo.bytes).data).toEqual(png(30, 10).data);
    expect(valueOf(cleanLogo(logo.bytes))).toEqual(logo);
  });

  test('gets a white background where it is transparent', () => {
    const logo = valueOf(cleanLogo(PNG.sync.write(png(4, 4, [255, 0, 0, 128]))));
    const [red, green, blue, alpha] = PNG.sync.read(logo.bytes).data;
    expect([red, alpha]).toEqual([255, 255]);
    expect(green).toBeGreaterThan(120);
    expect(green).toBeLessThan(135);
    expect(blue).toBe(green);
  });

  /** A PNG whose pixels unpack to `length` bytes. */
  function bomb(length: number, ...headers: [side: number, interlace: number][]): Buffer {
    const chunks = headers.map(([side, interlace]) => {
      const size = Buffer.alloc(13);
      size.writeUInt32BE(side, 0);
      size.writeUInt32BE(side, 4);
      size.set([8, 6, 0, 0, interlace], 8);
      return chunk('IHDR', size);
    });
    return Buffer.concat([
      Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
      ...chunks,
      chunk('IDAT', deflateSync(Buffer.alloc(length))),
      chunk('IEND', Buffer.alloc(0)),
    ]);
  }

  test('one that would unpack to gigabytes is refused without unpacking it', () => {
    expect(problemOf(bomb(1_000_000, [60_000, 0]))).toMatch(/at most 3000 pixels/);
  });

  test('an interlaced one is refused without unpacking it', () => {
    expect(problemOf(bomb(100_000_000, [9, 1]))).toMatch(/save it without interlacing/);
  });

  test('one with a second size is refused', () => {
    expect(problemOf(bomb(400, [9, 0], [10, 0]))).toMatch(/cannot be read/);
    expect(problemOf(bomb(400, [9, 0], [9, 1]))).toMatch(/cannot be read/);
  });

  test('a broken one is refused', () => {
    const file = PNG.sync.write(png(30, 10));
    expect(problemOf(file.subarray(0, 10))).toMatch(/pixels/);
    expect(problemOf(file.subarray(0, 50))).toMatch(/cannot be read/);
    expect(problemOf(Buffer.concat([file.subarray(0, 40), randomBytes(200)]))).toMatch(/cannot be/);
  });

  test('a too large one is refused', () => {
    expect(
      problemOf(Buffer.concat([PNG.sync.write(png(9, 9)), randomBytes(maxLogoBytes)])),
    ).toMatch(/at most 256 KB/);
  });
});
