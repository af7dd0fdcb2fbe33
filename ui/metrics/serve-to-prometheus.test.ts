import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { freePort } from '../../graph/bus/redis/testing/redis-server.ts';
import { LiveProgram } from '../api/testing/live-program.ts';
import { home } from '../cli/version.ts';

/** Undefined where the package `prometheus` is not installed. */
function version(): string | undefined {
  try {
    return /version (\S+)/.exec(execFileSync('prometheus', ['--version'], { encoding: 'utf8', stdio: 'pipe' }))?.[1];
  } catch {
    return undefined;
  }
}
const found = version();
const RULES = join(home(), 'deploy/prometheus/alerts.yaml');

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

describe.skipIf(found === undefined)(
  `a real Prometheus (${found ?? 'there is none: install the package prometheus'})`,
  () => {
    const dir = mkdtempSync(join(tmpdir(), 'chimera-prometheus-'));
    let program: LiveProgram;
    let prometheus: ChildProcess;
    let ended: Promise<void>;
    let url: string;
    let log = '';
    beforeAll(async () => {
      program = await LiveProgram.start('start', '--once', '--seconds', '600', '--dir', join(dir, 'run'));
      await program.person('ann', 'viewer');
      await program.until('/orders', 'ann', (s) => s.status === 200 && s.body.items.length > 0, 90_000);
      const port = await freePort();
      url = `http://127.0.0.1:${port}`;
      const config = join(dir, 'prometheus.yaml');
      const { host } = new URL(program.url);
      const scrape = [{ job_name: 'chimera', static_configs: [{ targets: [host] }] }];
      const global = { scrape_interval: '500ms', evaluation_interval: '500ms' };
      writeFileSync(config, stringify({ global, rule_files: [RULES], scrape_configs: scrape }));
      prometheus = spawn(
        'prometheus',
        [
          `--config.file=${config}`,
          `--storage.tsdb.path=${join(dir, 'tsdb')}`,
          `--web.listen-address=127.0.0.1:${port}`,
          '--log.level=warn',
        ],
        { stdio: ['ignore', 'ignore', 'pipe'] },
      );
      prometheus.stderr!.on('data', (d: Buffer) => {
        log = (log + d.toString()).slice(-5000);
      });
      ended = new Promise((done) => prometheus.once('close', () => done()));
    }, 180_000);
    afterAll(async () => {
      prometheus?.kill('SIGTERM');
      await ended;
      await program?.close();
      rmSync(dir, { recursive: true, force: true });
    });
    async function api<T>(path: string): Promise<T> {
      const answer = (await (await fetch(`${url}/api/v1/${path}`)).json()) as { status: string; data: T };
      expect(answer.status, JSON.stringify(answer)).toBe('success');
      return answer.data;
    }
    const query = async (q: string): Promise<readonly Sample[]> =>
      (await api<{ result: readonly Sample[] }>(`query?query=${encodeURIComponent(q)}`)).result;
    async function until<T>(what: () => Promise<T>, holds: (x: T) => boolean): Promise<T> {
      const end = performance.now() + 60_000;
      for (;;) {
        const x = await what().catch(() => undefined);
        if (x !== undefined && holds(x)) return x;
        if (performance.now() > end) throw new Error(`Prometheus did not come to it: ${JSON.stringify(x)} ${log}`);
        await new Promise((done) => setTimeout(done, 250));
      }
    }

    it('scrapes a run that trades, and parses all of what it is given', async () => {
      interface Targets {
        readonly activeTargets: readonly {
          readonly health: string;
          readonly lastError: string;
          readonly scrapeUrl: string;
        }[];
      }
      const { activeTargets } = await until(
        () => api<Targets>('targets'),
        (t) => t.activeTargets[0]?.health === 'up',
      );
      expect(activeTargets).toHaveLength(1);
      expect(activeTargets[0]).toMatchObject({ lastError: '', scrapeUrl: `${program.url}/metrics` });
      // Nothing was left out or twice: Prometheus says so in its log.
      expect(log).not.toMatch(/duplicate|out of order|error/i);
    });
    it('has the series of the run: counts that grow, what is traded, requests, the process', async () => {
      const cycles = 'chimera_part_cycles_total{part="run"}';
      const [first] = await until(
        () => query(cycles),
        (r) => r.length === 1,
      );
      const [later] = await until(
        () => query(cycles),
        (r) => Number(r[0]?.value[1]) > Number(first!.value[1]),
      );
      expect(later!.metric).toMatchObject({ job: 'chimera', service: 'all' });
      expect(
        Number(
          (
            await until(
              () => query(`rate(${cycles}[5s])`),
              (r) => r.length === 1,
            )
          )[0]!.value[1],
        ),
      ).toBeGreaterThan(0);
      for (const series of [
        'chimera_part_lag_seconds',
        'chimera_wallet_balance',
        'chimera_reconciliation_jaccard',
        'chimera_unknown_orders',
        'chimera_http_request_seconds_count',
        'chimera_process_cpu_seconds_total',
        'chimera_process_resident_memory_bytes',
      ])
        expect(
          (
            await until(
              () => query(series),
              (r) => r.length > 0,
            )
          )[0]!.value[1],
          series,
        ).toMatch(/^[\d.eE+-]+$/);
    });
    it('takes the alert rules, evaluates them without an error, and fires when the run is gone', async () => {
      interface Rules {
        readonly groups: readonly { readonly rules: readonly { readonly name: string; readonly health: string }[] }[];
      }
      const { groups } = await until(
        () => api<Rules>('rules'),
        (r) => r.groups.length > 0 && r.groups.every((g) => g.rules.every((x) => x.health === 'ok')),
      );
      expect(groups.flatMap((g) => g.rules.map((r) => r.name))).toContain('ChimeraServiceGone');
      await program.close();
      interface Alerts {
        readonly alerts: readonly { readonly labels: Readonly<Record<string, string>>; readonly state: string }[];
      }
      const { alerts } = await until(
        () => api<Alerts>('alerts'),
        (a) => a.alerts.some((x) => x.labels['alertname'] === 'ChimeraServiceGone'),
      );
      expect(alerts[0]!.labels).toMatchObject({ level: 'ERROR', job: 'chimera' });
    }, 120_000);
  },
);
