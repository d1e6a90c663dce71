const two = (number: number) => String(number).padStart(2, '0');

/** A time in the server's time zone: `2026-11-24 19:40`. */
export function dateTime(milliseconds: number): string {
  const date = new Date(milliseconds);
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
