import { readFileSync } from 'node:fs';
import ejs from 'ejs';

type Done = (error: unknown, html?: string) => void;

/**
 * Express's engine for EJS files below `folder`. Each file is compiled once, in strict mode: a view
 * declares the values that it uses in its first line, and the paths of includes begin at `folder`. Unlike
 * EJS's own engine, it never reads compiler options from the values.
 */
export function viewEngine(folder: string) {
  const compiled = new Map<string, ejs.TemplateFunction>();
  const compile = (path: string): ejs.TemplateFunction => {
    const known = compiled.get(path);
    if (known !== undefined) return known;
    const options = { filename: path, root: folder, cache: true, strict: true };
    const template = ejs.compile(readFileSync(path, 'utf8'), options);
    compiled.set(path, template);
    return template;
  };
  return (path: string, values: object, done: Done): void => {
    let html: string;
    try {
      html = compile(path)(values);
    } catch (error) {
      done(error);
      return;
    }
    done(null, html);
  };
}
