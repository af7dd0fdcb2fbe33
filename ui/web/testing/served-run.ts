import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import pino from 'pino';
import type { Role } from '../../api/contract/access.ts';
import { type LocalApi, openLocalApi } from '../../api/local-api.ts';
import { connectRun } from '../../api/runs/connect-run.ts';
import { home } from '../../cli/version.ts';
import { observeJob } from '../../observe/observe-job.ts';
import { runJob } from '../../run/run.ts';
import { synthetic, trend } from '../../run/testing/trend.ts';

export const PASSWORD = 'correct horse battery';
export const RUN = 'trend-live';

export interface ServedRun {
  readonly url: string;
  readonly home: string;
  readonly local: LocalApi;
  /** Makes a user with the known password. */
  person(name: string, ...roles: Role[]): Promise<void>;
  /** Ends the server and begins it anew at the same port: what a page sees as a lost connection. */
  restart(downMs: number): Promise<void>;
  close(): Promise<void>;
}

/** The real API and page over a run of `pipelines/trend.yaml` on the synthetic market, paced by the clock, in this thread. */
export async function servedRun(options: { pace?: number; home?: string } = {}): Promise<ServedRun> {
  const { pace = 1 } = options;
  if (!existsSync(join(home(), 'dist', 'web', 'index.html'))) throw new Error('the page is not built: npm run build');
  const dir = options.home ?? mkdtempSync(join(tmpdir(), 'chimera-web-'));
  const profile = synthetic('rate: 25', '12h');
  const pipeline = trend(profile);
  const log = pino({ level: 'silent' });
  const open = (port: number) => openLocalApi({ home: dir, port, log, perMinute: 1e6 });
  let local = await open(0);
  const { port } = local;
  const line = new MessageChannel();
  connectRun(local.runs, line.port1, () => {});
  const stop = new AbortController();
  const state = join(dir, RUN, 'state');
  const observed = observeJob(
    { pipeline, inputs: [], pace, state, commitInputs: 500, signal: stop.signal },
    {
      port: line.port2,
      id: RUN,
      kind: 'live',
      profile: 'synthetic',
      yaml: readFileSync(join(home(), 'pipelines', 'trend.yaml'), 'utf8'),
      bound: {
        file: 'pipelines/trend.yaml',
        profile: { file: 'pipelines/profiles/test.yaml', text: profile },
        sets: { preset: 'recording', balance_usdt: '1000000', interval: '1s' },
      },
      dir: join(dir, RUN),
      state,
    },
  );
  const running = runJob(observed.job).catch((e: unknown) => {
    if (!stop.signal.aborted) throw e;
  });
  const served: ServedRun = {
    get url() {
      return local.url;
    },
    home: dir,
    get local() {
      return local;
    },
    person: async (name, ...roles) => {
      if (!local.api.users.get(name)) await local.api.users.add(name, roles, PASSWORD);
    },
    restart: async (downMs) => {
      const kept = local.runs.get(RUN);
      await local.close();
      await new Promise((r) => setTimeout(r, downMs));
      local = await open(port);
      if (kept) local.runs.add(kept);
    },
    close: async () => {
      stop.abort();
      await running;
      observed.end({ state: 'ended' });
      line.port1.close();
      line.port2.close();
      await local.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return served;
}
