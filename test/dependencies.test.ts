import { expect, test } from '@jest/globals';
import { noiseLog } from '../src/dependencies';

test('text around answers is logged once for each place that writes it, without its words', () => {
  const lines: unknown[] = [];
  const report = noiseLog({ warn: (...line: unknown[]) => lines.push(line) });
  const users = 'list-users.pl line 88';
  report('list-users for a.example', { lines: 1, place: users });
  report('list-users for b.example', { lines: 3, place: users });
  report('list-domains', { lines: 2, place: null });
  report('list-users for a.example', { lines: 2, place: null });
  report('list-domains', { lines: 1, place: 'list-domains.pl line 12' });
  const line = (call: string, count: number, place: string | null) => [
    { call, lines: count, place },
    "text around Virtualmin's answer is ignored",
  ];
  expect(lines).toEqual([
    line('list-users for a.example', 1, users),
    line('list-domains', 2, null),
    line('list-domains', 1, 'list-domains.pl line 12'),
  ]);
});
