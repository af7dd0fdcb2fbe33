import { type CutView, delayText, type PartView } from './cut-view.ts';

const WIDTH = 110;

/** The plan of a cut for people: services, their parts, what each reads and sends, and how far it may run ahead. */
export function toCutText(view: CutView): string {
  const out = [
    `${view.name}: ${count(view.parts.length, 'part')} in ${count(view.services.length, 'service')}, joined by ${count(view.streams.length, 'family', 'families')} of streams`,
  ];
  for (const s of view.services) {
    out.push('', s);
    for (const p of view.parts) if (p.service === s) out.push(...partLines(p, view));
  }
  return `${out.join('\n')}\n`;
}

function partLines(p: PartView, view: CutView): string[] {
  const what = { entrance: 'inputs enter here', sink: 'sink', part: '' }[p.kind];
  const out = [`  ${p.id}${what ? ` (${what})` : ''}`, ...wrapped('runs', p.nodes.join(', '))];
  for (const s of view.streams)
    for (const to of s.to)
      if (to.part === p.id)
        out.push(...wrapped('reads', `${s.family} of ${s.from}${after(to.delay_us)}: ${to.ports.join(', ')}`));
  for (const s of view.streams)
    if (s.from === p.id) {
      const readers = s.to.map((t) => `${t.part}${after(t.delay_us)}`);
      const name = s.named ? s.family : `${s.family} (not named under \`streams:\`)`;
      out.push(...wrapped('sends', `${name} to ${readers.join(', ')}: ${s.ports.join(', ')}`));
    }
  const ahead = p.follows.filter((f) => f.delay_us > 0);
  if (ahead.length > 0)
    out.push(...wrapped('ahead', ahead.map((f) => `of ${f.part} by ${delayText(f.delay_us)}`).join(', ')));
  const reads = new Set(view.streams.flatMap((s) => s.to.filter((t) => t.part === p.id).map(() => s.from)));
  // Without an undelayed stream of it: only its time counts.
  for (const f of p.follows)
    if (f.delay_us === 0 && !reads.has(f.part)) out.push(...wrapped('time', `as far as ${f.part} has come`));
  return out;
}

const after = (us: number): string => (us > 0 ? ` after ${delayText(us)}` : '');
const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** A word, and a text beside it that is broken at spaces. */
function wrapped(word: string, text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const w of text.split(' ')) {
    if (line !== '' && line.length + 1 + w.length > WIDTH - 11) {
      lines.push(line);
      line = w;
    } else line = line === '' ? w : `${line} ${w}`;
  }
  return [...lines, line].map((l, i) => `    ${(i === 0 ? word : '').padEnd(5)}  ${l}`);
}
