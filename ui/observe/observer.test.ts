import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { loadPipeline } from '../../graph/document/load.ts';
import type { Pipeline } from '../../graph/document/types.ts';
import type { Tap } from '../../graph/engine/tap.ts';
import type { Run } from '../../graph/runner/runner.ts';
import type { KeyTable } from '../../graph/schema/index.ts';
import type { Row } from '../api/contract/records.ts';
import { connectRun } from '../api/runs/connect-run.ts';
import { RunRegistry } from '../api/runs/run-registry.ts';
import { registry } from '../cli/registry.ts';
import { type RunJob, runJob } from '../run/run.ts';
import { observeJob } from './observe-job.ts';
import type { Offers } from './observer.ts';

/** A market of agents, bars, rules: everything that a page looks at, without a network. */
const YAML = `chimera: 1
pipeline: small
nodes:
  market: { type: source.synthetic, with: { symbols: [BTCUSDT, ETHUSDT], duration: 40s, seed: 5 } }
  quotes: { type: silver.best, in: market.book_ticker, each: instrument }
  bars: { type: silver.time_bars, in: market.trade, each: instrument, with: { width: 1s } }
  fast: { type: feature.ema, in: bars.bar.close, with: { period: 2 } }
  slow: { type: feature.ema, in: bars.bar.close, with: { period: 5 } }
  features: { type: feature.join, in: { trigger: bars.bar, fast: fast.value, slow: slow.value } }
  rules:
    type: decision.rules
    in: { features: features.features }
    with: { rules: [{ id: up, when: fast > slow, do: { action: intent, intent: enter, side: buy } }] }
services: { s1: [market], s2: [quotes, bars, fast, slow, features], s3: [rules] }
`;
function pipeline(): Pipeline {
  const { pipeline, diagnostics } = loadPipeline(YAML, 'small.yaml', registry);
  if (!pipeline) throw new Error(diagnostics.map((d) => `${d.line} ${d.message}`).join('\n'));
  return pipeline;
}

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** A run that goes on step by step: each commit waits until the test has looked. */
async function observed(more: { offers?: Offers; job?: Partial<RunJob>; each?: () => Promise<void> } = {}) {
  const { port1, port2 } = new MessageChannel();
  const runs = new RunRegistry(undefined);
  const errors: unknown[] = [];
  const drain = connectRun(runs, port2, (e) => errors.push(e));
  let engine: Run | undefined;
  const { job, end } = observeJob(
    {
      pipeline: pipeline(),
      inputs: [],
      seed: 5,
      onRun: (r: Run) => {
        engine = r;
      },
      onBlock: () => more.each?.(),
      ...more.job,
    } satisfies RunJob,
    {
      port: port1,
      id: 'test',
      kind: 'replay',
      profile: null,
      yaml: YAML,
      bound: { file: 'small.yaml' },
      ...(more.offers ? { offers: more.offers } : {}),
    },
  );
  open.push(async () => {
    port1.close();
    port2.close();
  });
  const run = async () => {
    const report = await runJob(job);
    end({ state: 'ended', figures: { events: report.events_in } });
    drain();
    expect(errors).toEqual([]);
    return report;
  };
  return { runs, run, end, drain, engine: () => engine! };
}
const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

describe('a run that is observed', () => {
  it('tells its graph, figures, decisions and bars, and gives the same bytes as one that is not', async () => {
    const plain: Record<string, string> = {};
    const seen: Record<string, string> = {};
    const record = (into: Record<string, string>) => (tap: Tap, keys: KeyTable) => {
      for (let i = 0; i < tap.n; i++)
        into[`${tap.node}.${tap.port}`] =
          `${into[`${tap.node}.${tap.port}`] ?? ''}${tap.seq(i)},${tap.time(i)},${keys.at(tap.key(i))?.name},${Object.keys(tap.schema.fields).map((_, f) => tap.value(i, f))};`;
    };
    const watch = ['rules.verdict', 'features.features', 'bars.bar', 'rules.intent'];
    await runJob({ pipeline: pipeline(), inputs: [], seed: 5, watch, onTap: record(plain) });
    let tapped: Row[] = [];
    let begun = false;
    const o = await observed({
      job: { watch, onTap: record(seen) },
      each: async () => {
        const live = o.runs.get('test')?.live();
        if (live && !begun) {
          begun = true;
          live.watch();
          live.tap({ node: 'market', port: 'trade', filter: 'side == "buy" && px > 0', per_s: 500 }, ({ rows }) => {
            tapped = tapped.concat(rows);
          });
          live.tap({ node: 'bars', port: 'bar', per_s: 500 }, () => undefined);
        }
        // Time for the two threads of a real run to talk.
        await pause(30);
      },
    });
    const report = await o.run();
    expect(seen).toEqual(plain);
    expect(Object.keys(plain)).toHaveLength(4);

    const run = o.runs.get('test')!;
    expect(run.run()).toMatchObject({
      id: 'test',
      state: 'ended',
      kind: 'replay',
      figures: { events: report.events_in },
    });
    expect(run.graph()!.nodes.map((n) => n.id)).toContain('rules');
    expect(run.graph()!.edges).toContainEqual({
      from: { node: 'features', port: 'features' },
      to: { node: 'rules', port: 'features' },
      feedback: false,
      delay_us: 0,
      cut: true,
    });
    const stats = (
      run as unknown as { stats(): { nodes: Record<string, { cycles: number; instances: number }>; events: number } }
    ).stats();
    expect(stats.events).toBe(report.events_in);
    expect(stats.nodes['rules']!.instances).toBe(2);
    const verdicts = plain['rules.verdict']!.split(';').length - 1;
    expect(stats.nodes['rules']!.cycles).toBe(verdicts);

    const decisions = (await run.decisions())!;
    const list = await decisions.list({ limit: 1000 });
    expect(list).toHaveLength(verdicts);
    const why = await decisions.why(list[0]!.cycle);
    expect(why[0]).toMatchObject({ key: list[0]!.key, decision: list[0]!.decision });
    expect(why[0]!.layers[1]!.conditions[0]).toMatchObject({ rule: 'up', expression: 'fast > slow' });
    expect(list.some((v) => v.decision === 'enter buy') && list.some((v) => v.decision === 'hold')).toBe(true);

    const bars = await run.bars({ instrument: 'usdm:BTCUSDT', from_us: 0, to_us: 2 ** 53, width_us: 5e6, limit: 100 });
    expect(bars!.length).toBeGreaterThan(5);
    for (const b of bars!) expect(b.t_us % 5e6).toBe(0);

    expect(tapped.length).toBeGreaterThan(10);
    expect(tapped.every((r) => r.values['side'] === 'buy' && typeof r.values['px'] === 'string')).toBe(true);
  });

  it('takes taps on and off while it goes on, and nothing stays behind', async () => {
    const at: Record<string, unknown> = {};
    let step = 0;
    let off: (() => void) | undefined;
    const o = await observed({
      each: async () => {
        const live = o.runs.get('test')?.live();
        await pause(30);
        if (!live) return;
        const { core } = o.engine().engine;
        const instance = core.instance(core.plan.nodes.find((n) => n.id === 'slow')!.index, 0);
        if (!instance) return;
        step++;
        if (step === 1) {
          at['before'] = instance.emit.constructor;
          off = live.tap({ node: 'slow', port: 'value', per_s: 100 }, () => undefined);
        }
        if (step === 3) {
          at['tapped'] = instance.emit.constructor;
          off!();
        }
        if (step === 6) at['after'] = instance.emit.constructor;
      },
    });
    await o.run();
    expect(step).toBeGreaterThan(6);
    expect(at['tapped']).not.toBe(at['before']);
    expect(at['after']).toBe(at['before']);
  });

  it('bounds the rows of a tap, and counts those that are left out', async () => {
    let rows = 0;
    let left = 0;
    let begun = false;
    const o = await observed({
      each: async () => {
        const live = o.runs.get('test')?.live();
        if (live && !begun) {
          begun = true;
          live.tap({ node: 'market', port: 'book_ticker', per_s: 4 }, (t) => {
            rows += t.rows.length;
            left += t.left_out;
          });
        }
        await pause(30);
      },
    });
    const started = performance.now();
    await o.run();
    const seconds = (performance.now() - started) / 1000;
    expect(rows).toBeGreaterThan(0);
    expect(rows).toBeLessThanOrEqual(4 * seconds + 8);
    expect(left).toBeGreaterThan(rows);
  });

  it('refuses a tap of an unknown port, and a condition that does not fit its fields', async () => {
    const said: string[] = [];
    const o = await observed({
      each: async () => {
        const live = o.runs.get('test')?.live();
        await pause(20);
        if (!live || said.length > 0) return;
        for (const request of [
          { node: 'market', port: 'nothing', per_s: 1 },
          { node: 'market', port: 'trade', per_s: 1, filter: 'price > 1' },
          { node: 'market', port: 'trade', per_s: 1, filter: 'px > "a"' },
          { node: 'market', port: 'trade', per_s: 1, filter: 'side == "bye"' },
          { node: 'market', port: 'trade', per_s: 1, filter: 'process.exit()' },
        ])
          try {
            live.tap(request, () => undefined);
            said.push('taken');
          } catch (e) {
            said.push((e as { code: string }).code);
          }
      },
    });
    await o.run();
    expect(said).toEqual(Array.from({ length: 5 }, () => 'CHM1137'));
  });

  it('does what it offers when it is asked, tells what was refused, and does not offer the rest', async () => {
    const answers: unknown[] = [];
    let asked = false;
    const o = await observed({
      offers: {
        kill: (request, by) =>
          request.reason === 'no'
            ? Promise.reject(new Error('inside'))
            : Promise.resolve({ state: 'engaged', reason: request.reason, by: by.by, since_us: 1, steps: [] }),
      },
      each: async () => {
        await pause(30);
        const run = o.runs.get('test');
        if (!run || asked) return;
        asked = true;
        const by = { by: 'ann', correlation: 'c1' };
        const take = (p: Promise<unknown>) =>
          void p.then(
            (v) => answers.push(v),
            (e) => answers.push((e as { code: string }).code),
          );
        take(run.call('kill', { action: 'engage', reason: 'test' }, by));
        take(run.call('kill', { action: 'engage', reason: 'no' }, by));
        take(run.call('reconcile', {}, by));
      },
    });
    await o.run();
    await pause(10);
    expect(answers).toHaveLength(3);
    expect(answers).toContainEqual({ state: 'engaged', reason: 'test', by: 'ann', since_us: 1, steps: [] });
    expect(answers.filter((a) => typeof a === 'string').sort()).toEqual(['CHM1121', 'CHM1125']);
  });

  it('does not wait for a reader that reads nothing: it tells less, and goes on', async () => {
    const { port1 } = new MessageChannel();
    let messages = 0;
    const post = port1.postMessage.bind(port1);
    port1.postMessage = ((m: unknown) => {
      messages++;
      post(m);
    }) as typeof port1.postMessage;
    const { job } = observeJob({ pipeline: pipeline(), inputs: [], seed: 5, onBlock: () => pause(60) } as RunJob, {
      port: port1,
      id: 't',
      kind: 'replay',
      profile: null,
      yaml: YAML,
      bound: { file: 'small.yaml' },
    });
    const report = await runJob(job);
    expect(report.events_in).toBeGreaterThan(1000);
    // The beginning, and as many ticks as may be under way.
    expect(messages).toBeLessThanOrEqual(5);
    port1.close();
  });
});
