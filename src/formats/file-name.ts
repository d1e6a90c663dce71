/** A name that every system can save a file under. */
export function fileName(name: string): string {
  return name.replace(/[^\w.@+-]/g, '_');
}
