import { readFileSync } from 'node:fs';

/** The environment variables and the arguments of Node.js in `npm start`. */
export function startedWith(): { readonly env: Record<string, string>; readonly args: string[] } {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    scripts: { start: string };
  };
  const words = scripts.start.split(' ');
  const program = words.indexOf('node');
  return {
    env: Object.fromEntries(
      words.slice(0, program).map((word) => word.split('=') as [string, string]),
    ),
    args: words.slice(program + 1),
  };
}
