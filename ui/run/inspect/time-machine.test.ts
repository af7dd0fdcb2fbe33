import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encode } from '../../../graph/codec/index.ts';
import { type Tap, tapRow } from '../../../graph/engine/tap.ts';
import { nextFloat, seedRandom } from '../../../graph/math/index.ts';
import { createPlan } from '../../../graph/plan/plan.ts';
import type { Reloaded } from '../../../graph/reload/reload.ts';
import type { KeyTable } from '../../../graph/schema/index.ts';
import { openLake } from '../../../lake/open-lake.ts';
import { home } from '../../cli/version.ts';
import { fromDocument, type GraphDocument, readGraph } from '../graphs.ts';
import { type RunReport, runJob } from '../run.ts';
import type { RunHandle } from '../run-handle.ts';
import { synthetic } from '../testing/trend.ts';
import { openTimeMachine } from './open.ts';
import type { TimeMachine } from './time-machine.ts';

const text = readFileSync(join(home(), 'pipelines', 'trend.yaml'), 'utf8');
const document: GraphDocument = {
  file: 'pipelines/trend.yaml',
  text,
  profile: { file: 'pipelines/profiles/test.yaml', text: synthetic('', '40s') },
  sets: { preset: 'recording', balance_usdt: '1000000', interval: '1s' },
};
const edited = text.replace('regime: 4\n', 'regime: 5\n');

/** Value of each port and key after each of its records, with the name of the cycle, from a fresh run. */
interface Said {
  cause: string;
  bytes: string;
}

let dir: string;
let report: RunReport;
let reloaded: Reloaded;
const said = new Map<string, Said[]>();
/** Lists are numbers, whatever holds them. */
const bytesOf = (values: object) =>
  Buffer.from(
    encode(Object.fromEntries(Object.entries(values).map(([k, v]) => [k, v instanceof Float64Array ? [...v] : v]))),
  ).toString('base64');

function collect(tap: Tap, keys: KeyTable, many: ReadonlySet<string>): void {
  const port = `${tap.node}.${tap.port}`;
  if (many.has(port)) return;
  for (let i = 0; i < tap.n; i++) {
    const id = `${port} ${tap.key(i) < 0 ? '' : keys.at(tap.key(i)).name}`;
    const list = said.get(id) ?? [];
    list.push({ cause: `${tap.cause(i)}#${tap.seq(i)}`, bytes: bytesOf(tapRow(tap, i)) });
    said.set(id, list);
  }
}

describe('looking into a run whose graph was changed on the way', () => {
  let machine: TimeMachine;
  let fresh: TimeMachine;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'chimera-inspect-'));
    const [state, lake] = [join(dir, 'state'), join(dir, 'lake')];
    const pipeline = (await readGraph(document))!;
    let handle: RunHandle | undefined;
    let reload: Promise<Reloaded> | undefined;
    report = await runJob({
      pipeline,
      document,
      inputs: [],
      state,
      capture: lake,
      commitInputs: 900,
      onHandle: (h) => {
        handle = h;
      },
      onProgress: ({ events }) => {
        if (events > 9000) reload ??= handle!.reload(edited);
      },
    });
    reloaded = await reload!;
    // The reference: the captured inputs through a run of its own, all ports tapped.
    const to = await fromDocument(reloaded.to, { ...document, text: edited });
    const plan = createPlan(to);
    const ports = plan.nodes.flatMap((n) => n.outs.map((o) => ({ id: `${n.id}.${o.port}`, o })));
    const many = new Set(ports.filter(({ o }) => o.many || o.successive).map(({ id }) => id));
    await runJob({
      pipeline,
      inputs: [],
      reloads: [{ record: reloaded, pipeline: to }],
      readers: { market: (keys: KeyTable) => openLake(lake, { sources: ['market'] }, keys) },
      watch: ports.map(({ id }) => id),
      onTap: (tap, keys) => collect(tap, keys, many),
      open: true,
    });
    const job = { pipeline, state, capture: lake };
    machine = await openTimeMachine(job);
    fresh = await openTimeMachine({ ...job, withoutLadder: true });
  }, 180_000);
  afterAll(async () => {
    await machine?.close();
    await fresh?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it('shows at 1,000 random places what a fresh replay gives', async () => {
    // The names of all cycles, in order, from a machine that has no checkpoints.
    const causes = new Map<string, number>();
    let cycles = 0;
    await fresh.walk(1, Number.MAX_SAFE_INTEGER, (c) => {
      cycles = c.cycle;
      causes.set(`${c.cause.source}#${c.cause.seq}`, c.cycle);
      return false;
    });
    expect(cycles).toBeGreaterThan(25_000);
    expect(causes.size).toBe(cycles);
    const cyclesOf = new Map([...said].map(([id, list]) => [id, list.map((s) => causes.get(s.cause)!)]));
    expect([...cyclesOf.values()].flat().every((c) => c > 0)).toBe(true);

    const random = seedRandom(11);
    const ids = [...said.keys()].sort();
    let seen = 0;
    let questions = 0;
    for (let place = 0; place < 50; place++) {
      const cycle = 1 + Math.floor(nextFloat(random) * cycles);
      for (let j = 0; j < 20; j++) {
        const id = ids[Math.floor(nextFloat(random) * ids.length)]!;
        const [name, key] = id.split(' ') as [string, string];
        const [node, port] = name.split('.') as [string, string];
        const graph = cycle > reloaded.at.cycles ? reloaded.to : reloaded.from;
        const view = await machine.view({ cycle }, { node, key });
        expect(view).toMatchObject({ cycle, graph });
        const shown = view.nodes[0]?.ports.find((p) => p.port === port);
        // A node that was restarted has said nothing until it says something again.
        const from = cycle > reloaded.at.cycles && reloaded.restarted.includes(node) ? reloaded.at.cycles : 0;
        const rows = said.get(id)!;
        const at = cyclesOf.get(id)!.findLastIndex((c) => c <= cycle);
        const last = at >= 0 && cyclesOf.get(id)![at]! > from ? rows[at] : undefined;
        // What was warmed holds the last value of its way through the past, which no tap has.
        const warm = !last && from > 0 && reloaded.warmed?.nodes.includes(node);
        const past = warm && (await fresh.view({ cycle }, { node, key })).nodes[0]?.ports.find((p) => p.port === port);
        const expected = past ? past.values && bytesOf(past.values) : last?.bytes;
        questions++;
        if (last) seen++;
        expect([id, cycle, shown?.values ? bytesOf(shown.values) : undefined]).toEqual([
          id,
          cycle,
          expected ?? undefined,
        ]);
      }
    }
    expect(questions).toBe(1000);
    expect(seen).toBeGreaterThan(500);
  }, 180_000);

  it('has the states of a run that was computed from the first input', async () => {
    const random = seedRandom(12);
    const { last } = await fresh.reach();
    expect(last.cycle).toBe((await machine.reach()).last.cycle);
    const moments = Array.from({ length: 12 }, () => 1 + Math.floor(nextFloat(random) * last.cycle)).sort(
      (a, b) => a - b,
    );
    const expected = new Map<number, string>();
    for (const cycle of moments) expected.set(cycle, bytesOf(await fresh.view({ cycle })));
    for (const cycle of [...moments].sort(() => nextFloat(random) - 0.5))
      expect(bytesOf(await machine.view({ cycle })), `cycle ${cycle}`).toBe(expected.get(cycle));
  });

  it('steps forward and back, and says who ran and what was said', async () => {
    const { at } = reloaded;
    const here = await machine.cycle({ cycle: at.cycles + 50 });
    const forward = [here];
    for (let i = 0; i < 5; i++) forward.push(await machine.step(1));
    const back = [];
    for (let i = 0; i < 5; i++) back.push(await machine.step(-1));
    expect(back.reverse()).toEqual(forward.slice(0, 5));
    for (const c of forward)
      for (const e of c.emitted) {
        const source = c.kind === 'input' && e.node === c.cause.source;
        expect(source || c.ran.some((r) => r.node === e.node)).toBe(true);
      }
  });

  it('finds a moment by time and by input', async () => {
    const byInput = await machine.cycle({ source: 'market', seq: 12_345 });
    expect(byInput.cause).toEqual({ source: 'market', seq: 12_345 });
    const view = await machine.view({ t: byInput.t }, { node: 'bars' });
    expect(view.t).toBeLessThanOrEqual(byInput.t);
    expect(view.cycle).toBeGreaterThanOrEqual(byInput.cycle);
    const next = await machine.cycle({ cycle: view.cycle + 1 });
    expect(next.t).toBeGreaterThan(byInput.t);
  });

  it('leads from an order back to the frame that caused it', async () => {
    const orders: { cycle: number; source: string; seq: number; key: string; kind: string }[] = [];
    await machine.walk(1, Number.MAX_SAFE_INTEGER, (c) => {
      for (const e of c.emitted)
        if (e.node === 'orders' && e.port === 'order' && e.values['action'] === 'place')
          orders.push({ cycle: c.cycle, ...c.cause, key: e.key, kind: c.kind });
      return orders.length >= 25;
    });
    expect(orders.length).toBeGreaterThan(10);
    let longest = 0;
    for (const o of orders.slice(0, 8)) {
      const links = await machine.chain({ source: o.source, seq: o.seq }, { node: 'orders', key: o.key });
      expect(links[0]).toMatchObject({ cycle: o.cycle, cause: { source: o.source, seq: o.seq } });
      expect(links[0]!.path.at(-1)).toBe('orders');
      // Each link lies before the one that it led to, and the last one is a frame.
      for (const [i, l] of links.entries()) if (i > 0) expect(l.cycle).toBeLessThan(links[i - 1]!.cycle);
      const frame = links.at(-1)!;
      expect(frame).toMatchObject({ kind: 'input', cause: { source: 'market' } });
      expect(frame.path[0]).toBe('market');
      expect(frame.emitted[0]!.node).toBe('market');
      longest = Math.max(longest, links.length);
    }
    expect(longest).toBeGreaterThan(1);
    const entry = orders.find((o) => o.kind === 'input')!;
    const [link] = await machine.chain({ cycle: entry.cycle }, { node: 'orders', key: entry.key });
    expect(link!.path).toEqual(
      expect.arrayContaining(['market', 'bars', 'features', 'rules', 'size', 'gate', 'orders']),
    );
    expect(link!.held.some((h) => h.node === 'size' && h.from === 'quotes.best')).toBe(true);
    expect(link!.held.every((h) => h.t <= link!.t)).toBe(true);
  }, 180_000);

  it('refuses moments and nodes that are not there [CHM757] [CHM759]', async () => {
    await expect(machine.view({ cycle: 0 })).rejects.toMatchObject({ code: 'CHM757' });
    await expect(machine.view({ cycle: 10 ** 9 })).rejects.toMatchObject({ code: 'CHM757' });
    await expect(machine.view({ t: 5 })).rejects.toMatchObject({ code: 'CHM757' });
    await expect(machine.view('end', { node: 'nobody' })).rejects.toMatchObject({ code: 'CHM759' });
    expect(report.cycles).toBeGreaterThan(25_000);
  });
});
