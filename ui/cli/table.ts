/** Rows as an aligned table; columns of `right` are aligned to the right. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  return rows
    .map((row) =>
      row
        .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Text broken at spaces to a width, every line with the indent. */
export function wrap(text: string, width: number, indent = ''): string {
  const out: string[] = [];
  // Lines of one paragraph flow together; lists, tables and blank lines stay as they are written.
  const flowing = text.trim().replace(/(\S)\n(?=[^\s|*\-\d])/g, '$1 ');
  for (const paragraph of flowing.split('\n')) {
    if (paragraph.startsWith('|')) {
      out.push(indent + paragraph);
      continue;
    }
    let line = '';
    for (const word of paragraph.split(/ +/)) {
      if (line !== '' && indent.length + line.length + 1 + word.length > width) {
        out.push(indent + line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    out.push((indent + line).trimEnd());
  }
  return out.join('\n');
}
