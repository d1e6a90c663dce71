import { readFileSync } from 'node:fs';
import ejs from 'ejs';

type Done = (error: unknown, html?: string) => void;

/**
 * Express's engine for EJS files below `folder`. Each is compiled once and in strict mode: a view
 * names the values that it uses in its first line, and includes are paths from `folder`. Unlike
 * EJS's own engine it takes values as values only, never as options of the compiler.
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
