import { createReadStream, createWriteStream, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { createGunzip, createGzip } from 'node:zlib';
import { KeyTable } from '../graph/schema/index.ts';
import { openBronzeWriter } from '../lake/bronze-writer.ts';
import { importFiles } from '../lake/import.ts';
import { crossedBook } from '../ui/run/crossed-book.ts';
import { type Cost, canPin, inChild, isMain, startCost } from './child.ts';
import { RECORDING } from './replay.ts';
import { type Figure, figure } from './stats.ts';

interface Outcome extends Cost {
  frames: number;
  quality: string;
}
export interface ImportReport {
  frames: number;
  checks: { name: string; ok: boolean; found: string }[];
  figures: Figure[];
}

/** Recorder file → Bronze Parquet with quality report, as `chimera lake import` does it. */
async function importOnce(input: string): Promise<Outcome> {
  const to = mkdtempSync(join(tmpdir(), 'chimera-import-'));
  try {
    const keys = new KeyTable();
    const stop = startCost();
    const r = await importFiles([input], { to, keys, openWriter: openBronzeWriter, bookCheck: crossedBook(keys) });
    const cost = stop();
    const { gaps, duplicates, out_of_order, off_market, crossed, bad_input } = r;
    const quality = [gaps.length, duplicates, out_of_order, off_market, crossed, bad_input.length].join(' ');
    return { frames: Object.values(r.rows).reduce((a, n) => a + n, 0), quality, ...cost };
  } finally {
    rmSync(to, { recursive: true, force: true });
  }
}

const ID = /"(lastUpdateId|[UutTE]|pu)":\s*(\d+)/g;

interface Line {
  ns: bigint;
  frame: string;
}
interface Frame {
  lastUpdateId?: number;
  data?: { e?: string; U: number; u: number; pu: number; t: number };
}

/**
 * The recording's own text `times` times in a row, gzipped: receive and exchange times, update and trade ids moved so that
 * the chains go on. Each round begins with its snapshot, directly followed by the diffs that the snapshot does not hold.
 */
async function repeatText(input: string, output: string, times: number): Promise<void> {
  const all: (Line & { parsed: Frame })[] = [];
  for await (const line of createInterface({ input: createReadStream(input).pipe(createGunzip()) })) {
    const space = line.indexOf(' ');
    const frame = line.slice(space + 1);
    all.push({ ns: BigInt(line.slice(0, space)), frame, parsed: JSON.parse(frame) as Frame });
  }
  const snapshot = all.find((l) => l.parsed.lastUpdateId !== undefined)!;
  const base = snapshot.parsed.lastUpdateId!;
  const isDiff = (l: { parsed: Frame }) => l.parsed.data?.e === 'depthUpdate';
  const from = all.findIndex((l) => isDiff(l) && l.parsed.data!.u >= base);
  const lines = all.slice(from).filter((l) => l !== snapshot && !(isDiff(l) && l.parsed.data!.u < base));
  const diffs = lines.filter(isDiff);
  const trades = lines.filter((l) => l.parsed.data?.e === 'trade');
  const span = Number((lines.at(-1)!.ns - lines[0]!.ns) / 1_000_000n) + 1000;
  const du = diffs.at(-1)!.parsed.data!.u - diffs[0]!.parsed.data!.pu;
  const dt = trades.at(-1)!.parsed.data!.t - trades[0]!.parsed.data!.t + 1;
  const round: Line[] = [{ ns: lines[0]!.ns, frame: snapshot.frame }, ...lines];
  function* text(): Generator<string> {
    for (let k = 0; k < times; k++) {
      let part = '';
      for (const { ns, frame } of round) {
        const moved = frame.replace(ID, (_, name: string, id: string) => {
          const by = name === 'E' || name === 'T' ? span : name === 't' ? dt : du;
          return `"${name}":${Number(id) + k * by}`;
        });
        part += `${ns + BigInt(k) * BigInt(span) * 1_000_000n} ${moved}\n`;
        if (part.length > 1 << 20) {
          yield part;
          part = '';
        }
      }
      yield part;
    }
  }
  await pipeline(Readable.from(text()), createGzip({ level: 6 }), createWriteStream(output));
}

export interface ImportOptions {
  data: string;
  times: number;
  repeats: number;
  /** Runtimes to measure on, by name. */
  nodes: Readonly<Record<string, string>>;
}
export async function benchImport(o: ImportOptions): Promise<ImportReport | undefined> {
  const input = join(o.data, RECORDING);
  if (!existsSync(input)) {
    process.stderr.write(`import is skipped: there is no ${input}\n`);
    return undefined;
  }
  const dir = mkdtempSync(join(tmpdir(), 'chimera-import-'));
  try {
    const long = join(dir, 'long.gz');
    await repeatText(input, long, o.times);
    const report: ImportReport = { frames: 0, checks: [], figures: [] };
    for (const [name, node] of Object.entries(o.nodes))
      for (const cores of canPin() ? [1, 2] : [undefined]) {
        const runs = Array.from({ length: o.repeats }, () =>
          inChild<Outcome>(import.meta.url, ['--file', long], { node, ...(cores ? { cores } : {}) }),
        );
        report.frames = runs[0]!.frames;
        const newest = name === Object.keys(o.nodes).at(-1);
        const on = `import of ${Math.round(report.frames / 1000)} k frames, ${name}, ${cores ? `${cores} core${cores > 1 ? 's' : ''}` : 'not pinned'}`;
        const goal = newest && cores ? { at_least: cores === 1 ? 100_000 : 150_000 } : undefined;
        report.figures.push(
          figure(
            on,
            'frames/s',
            runs.map((r) => r.frames / r.wall_s),
            goal,
          ),
          figure(
            `${on}: peak memory`,
            'MB',
            runs.map((r) => r.peak_rss_mb),
          ),
        );
        report.checks.push({
          name: `${on}: nothing wrong is reported`,
          ok: runs.every((r) => r.quality === '0 0 0 0 0 0'),
          found: runs[0]!.quality,
        });
      }
    return report;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** This runtime, and a newer one where `CHIMERA_NODE_NEWEST` names it. */
export function runtimes(): Record<string, string> {
  const newest = process.env['CHIMERA_NODE_NEWEST'];
  const found: Record<string, string> = { [`Node ${process.versions.node}`]: process.execPath };
  if (newest && existsSync(newest)) found['newest Node'] = newest;
  return found;
}

async function main(): Promise<void> {
  const { values: v } = parseArgs({
    options: {
      data: { type: 'string', default: '../shared/data' },
      times: { type: 'string', default: '8' },
      repeats: { type: 'string', default: '5' },
      file: { type: 'string' },
    },
  });
  const result = v.file
    ? await importOnce(v.file)
    : ((await benchImport({ data: v.data, times: Number(v.times), repeats: Number(v.repeats), nodes: runtimes() })) ??
      null);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
if (isMain(import.meta.url)) await main();
