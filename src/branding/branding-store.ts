import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { noBranding, type Branding } from '../domain/branding';
import type { BrandingOwner } from '../domain/viewer';
import { message, type Message } from '../texts/message';
import { brandingKeys, readBranding, type BrandingTexts } from './read-branding';

/** A branding as it is saved. */
export interface SavedBranding {
  readonly branding: Branding;
  readonly texts: BrandingTexts;
  /** Changes with what is saved; '' if nothing is. */
  readonly version: string;
  /** What of it is damaged and is ignored, each with the name of the file. */
  readonly problems: readonly Message[];
}

/** Somebody else has saved since the version that a change is based on. */
export class ChangedMeanwhileError extends Error {
  override readonly name = 'ChangedMeanwhileError';
}

/**
 * The version of the file format. A later release may add keys and never changes the meaning of one. So an older
 * release reads the keys that it knows and keeps the others.
 */
const format = 1;

const nothing: SavedBranding = { branding: noBranding, texts: {}, version: '', problems: [] };

/** Brandings as files, one each, in a folder of their own. The folder is created at the first write. */
export class BrandingStore {
  /** The last ones read, by path and version: cleaning a logo takes longer than a page. */
  readonly #read = new LRUCache<string, SavedBranding>({ max: 100 });

  readonly #keys: readonly string[];

  /** A branding may have words for mail in these `languages`. */
  constructor(
    readonly folder: string,
    languages: readonly string[],
  ) {
    this.#keys = brandingKeys(languages);
  }

  /** What is saved. A damaged file counts as nothing, and its problems say so. Never rejects because of its content. */
  async read(owner: BrandingOwner): Promise<SavedBranding> {
    const path = this.#path(owner);
    let bytes: Buffer;
    try {
      bytes = await readFile(path);
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return nothing;
      return { ...nothing, problems: [message('brand_unreadable', { file: path, code })] };
    }
    const version = createHash('sha256').update(bytes).digest('base64url');
    const known = this.#read.get(path + version);
    if (known !== undefined) return known;
    const saved = parse(bytes);
    if (saved === null) {
      return { ...nothing, version, problems: [message('brand_broken', { file: path })] };
    }
    const texts = Object.fromEntries(this.#keys.map((key) => [key, textOf(saved, key)]));
    const { branding, problems: bad } = await readBranding(texts);
    const problems = [...bad].map(([key, problem]) =>
      message('brand_broken_value', { file: path, key, problem }),
    );
    const read = { branding, texts, version, problems };
    this.#read.set(path + version, read);
    return read;
  }

  /**
   * Saves a branding in place of the one with this version. Throws ChangedMeanwhileError if another version has been
   * saved since.
   */
  async write(owner: BrandingOwner, texts: BrandingTexts, version: string): Promise<void> {
    const { default: lockfile } = await import('proper-lockfile');
    const { default: writeFileAtomic } = await import('write-file-atomic');
    const path = this.#path(owner);
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const unlock = await lockfile.lock(path, {
      realpath: false,
      retries: { retries: 50, minTimeout: 20, maxTimeout: 200 },
    });
    try {
      if ((await this.read(owner)).version !== version) throw new ChangedMeanwhileError();
      const kept = parse(await readFile(path).catch(() => Buffer.from('{}'))) ?? {};
      const saved: Record<string, unknown> = { ...kept, format };
      for (const key of this.#keys) {
        if (texts[key]) saved[key] = texts[key];
        else Reflect.deleteProperty(saved, key);
      }
      const text = `${JSON.stringify(saved, null, 2)}\n`;
      await writeFileAtomic(path, text, { mode: 0o600 });
    } finally {
      await unlock();
    }
  }

  /** The resellers and domains that have a branding, in the order of their files' names. */
  async owners(): Promise<Exclude<BrandingOwner, { kind: 'server' }>[]> {
    const files: string[] = await readdir(this.folder).catch(() => []);
    return files.sort().flatMap((file) => {
      const [, kind, name] = /^(reseller|domain)-(.+)\.json$/.exec(file) ?? [];
      const owner = { kind: kind as 'reseller' | 'domain', name: decoded(name ?? '') };
      // Other files in the folder are not ours.
      return this.#path(owner) === join(this.folder, file) ? [owner] : [];
    });
  }

  #path(owner: BrandingOwner): string {
    const name = owner.kind === 'server' ? '' : `-${encodeURIComponent(owner.name)}`;
    return join(this.folder, `${owner.kind}${name}.json`);
  }
}

/** A part of a file's name, decoded; '' if it cannot be. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return '';
  }
}

function parse(bytes: Buffer): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

function textOf(saved: Readonly<Record<string, unknown>>, key: string): string {
  const value = saved[key];
  return typeof value === 'string' ? value : '';
}
