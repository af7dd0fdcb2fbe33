const WORDS = new Set(
  'and or unless on ignoring group_left group_right by without bool offset sum max min avg count increase rate irate delta histogram_quantile quantile abs clamp_min clamp_max label_replace time vector scalar topk bottomk changes'.split(
    ' ',
  ),
);

/** Names of metrics in an expression: identifiers that are neither words of the language, nor labels, nor text. */
export function metricsIn(expr: string): string[] {
  const bare = expr
    .replace(/"(?:[^"\\]|\\.)*"/g, '')
    .replace(/\{[^}]*\}/g, '')
    .replace(/\[[^\]]*\]/g, '')
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ');
  return [...bare.matchAll(/[a-zA-Z_:][\w:]*/g)].map((m) => m[0]).filter((w) => !WORDS.has(w));
}
