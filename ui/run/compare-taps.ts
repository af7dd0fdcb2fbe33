import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Where two runs part: the first value that is not the same, in order of engine time, node, input. */
export interface Difference {
  node: string;
  port: string;
  /** Number of the input that caused the value, and the source it came through. */
  seq: number;
  source: string;
  field: string;
  live: string | null;
  replay: string | null;
  t_avail_us: number;
  key: string;
}

/**
 * Compares the tap files of two runs, `DIR/NODE.PORT.csv` each. The text is exact (decimals in full, doubles in their
 * shortest round-trip form, −0 told from 0), so equal bytes are equal values.
 * @param ports in order of execution: among differences at one time the earliest node is the cause
 */
export async function compareTaps(live: string, replay: string, ports: readonly string[]): Promise<Difference | null> {
  const found: { difference: Difference; order: number }[] = [];
  for (const [order, port] of ports.entries()) {
    const a = join(live, `${port}.csv`);
    const b = join(replay, `${port}.csv`);
    if (sameBytes(a, b)) continue;
    const difference = await firstDifference(a, b, port);
    if (difference) found.push({ difference, order });
  }
  found.sort(
    (x, y) =>
      x.difference.t_avail_us - y.difference.t_avail_us || x.order - y.order || x.difference.seq - y.difference.seq,
  );
  return found[0]?.difference ?? null;
}

const SMALL = 64 << 20;
function sameBytes(a: string, b: string): boolean {
  const sizes = [a, b].map((f) => statSync(f, { throwIfNoEntry: false })?.size);
  if (sizes[0] === undefined && sizes[1] === undefined) return true;
  if (sizes[0] !== sizes[1] || sizes[0]! > SMALL) return false;
  return readFileSync(a).equals(readFileSync(b));
}

/** Splits a CSV line as RFC 4180; taps have no line breaks inside cells that matter here. */
export function cells(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  const out: string[] = [];
  let cell = '';
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    const c = line[i];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (line[i + 1] === '"') {
        cell += '"';
        i++;
      } else quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === ',') {
      out.push(cell);
      cell = '';
    } else cell += c;
  }
  return [...out, cell];
}

async function* lines(path: string): AsyncGenerator<string> {
  if (!existsSync(path)) return;
  yield* createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
}

async function firstDifference(a: string, b: string, port: string): Promise<Difference | null> {
  const [left, right] = [lines(a), lines(b)];
  let header: string[] = [];
  try {
    for (let n = 0; ; n++) {
      const [x, y] = await Promise.all([left.next(), right.next()]);
      if (x.done && y.done) return null;
      if (n === 0) header = cells((x.done ? y.value : x.value) as string);
      else if (x.value !== y.value)
        return describe(header, x.done ? null : cells(x.value), y.done ? null : cells(y.value), port);
    }
  } finally {
    await left.return(undefined);
    await right.return(undefined);
  }
}

function describe(header: string[], live: string[] | null, replay: string[] | null, port: string): Difference {
  const dot = port.indexOf('.');
  // One side has a row more or earlier than the other: the earlier row is where they part.
  const row = !live ? replay! : !replay ? live : Number(live[2]) <= Number(replay[2]) ? live : replay;
  const column = live && replay ? live.findIndex((v, i) => v !== replay[i]) : -1;
  const at = column;
  return {
    node: port.slice(0, dot),
    port: port.slice(dot + 1),
    seq: Number(row[1]),
    source: row[0]!,
    field: at >= 0 ? header[at]! : 'row',
    live: live ? (at >= 0 ? live[at]! : live.join(',')) : null,
    replay: replay ? (at >= 0 ? replay[at]! : replay.join(',')) : null,
    t_avail_us: Number(row[2]),
    key: row[3]!,
  };
}
