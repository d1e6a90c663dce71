import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { noBranding, type Branding } from '../domain/branding';
import type { BrandingOwner } from '../domain/viewer';
import { message, type Message } from '../texts/message';
import { brandingKeys, readBranding, type BrandingTexts } from './read-branding';

/** A branding as it was saved. */
export interface SavedBranding {
  readonly branding: Branding;
  readonly texts: BrandingTexts;
  /** Changes with what is saved; '' where nothing is. */
  readonly version: string;
  /** What of it is broken and was ignored, each naming the file. */
  readonly problems: readonly Message[];
}

/** Somebody else has saved since the version that a change was made from. */
export class ChangedMeanwhileError extends Error {
  override readonly name = 'ChangedMeanwhileError';
}

/**
 * What the files are written as. A later release may add keys and never changes what one means, so that an
 * older one reads what it knows and keeps the rest.
 */
const format = 1;

const nothing: SavedBranding = { branding: noBranding, texts: {}, version: '', problems: [] };

/** Brandings as files, one each, in a folder of their own. */
export class BrandingStore {
  /** What was read last, by its path and version: cleaning a logo takes longer than a page. */
  readonly #read = new LRUCache<string, SavedBranding>({ max: 100 });

  readonly #keys: readonly string[];

  /** `languages` are those that a mail may have words in. */
  constructor(
    readonly folder: string,
    languages: readonly string[],
  ) {
    this.#keys = brandingKeys(languages);
  }

  /** What is saved. A broken file counts as nothing, and its problems say so; never rejects for what it holds. */
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
    const problems: Message[] = [];
    const texts = Object.fromEntries(this.#keys.map((key) => [key, textOf(saved, key)]));
    const branding = await readBranding(texts, (key, problem) => {
      problems.push(message('brand_broken_value', { file: path, key, problem }));
    });
    const read = { branding, texts, version, problems };
    this.#read.set(path + version, read);
    return read;
  }

  /**
   * Saves a branding in place of the one that had this version. Throws ChangedMeanwhileError where
   * that is not the one any more.
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

  /** Whose brandings are saved, but for the server's, in the order of their names. */
  async owners(): Promise<Exclude<BrandingOwner, { kind: 'server' }>[]> {
    const files: string[] = await readdir(this.folder).catch(() => []);
    return files.sort().flatMap((file) => {
      const [, kind, name] = /^(reseller|domain)-(.+)\.json$/.exec(file) ?? [];
      const owner = { kind: kind as 'reseller' | 'domain', name: decoded(name ?? '') };
      // What else lies in the folder is not ours.
      return this.#path(owner) === join(this.folder, file) ? [owner] : [];
    });
  }

  #path(owner: BrandingOwner): string {
    const name = owner.kind === 'server' ? '' : `-${encodeURIComponent(owner.name)}`;
    return join(this.folder, `${owner.kind}${name}.json`);
  }
}

/** What was encoded as a part of a file's name; '' where nothing was. */
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
