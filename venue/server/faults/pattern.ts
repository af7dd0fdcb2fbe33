/** A text with `*` for any text, as a test. Case counts, except that of nothing at all: no pattern matches everything. */
export function matcher(pattern: string | undefined): (text: string | undefined) => boolean {
  if (pattern === undefined || pattern === '*') return () => true;
  if (!pattern.includes('*')) return (text) => text === pattern;
  const parts = pattern.split('*');
  const first = parts[0]!;
  const last = parts.at(-1)!;
  const inner = parts.slice(1, -1).filter((p) => p !== '');
  return (text) => {
    if (text === undefined || text.length < first.length + last.length) return false;
    if (!text.startsWith(first) || !text.endsWith(last)) return false;
    let at = first.length;
    const end = text.length - last.length;
    for (const part of inner) {
      const found = text.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}
