import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { ControlRequest } from '../../../sources/control/request.ts';
import { ControlClient } from '../../run/control/client.ts';
import type { KillReport } from '../../run/control/run-requests.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../io.ts';
import { positive } from '../options.ts';

interface Options {
  state: string;
  reason: string;
  who?: string;
  key?: string;
  wait?: number;
}

/** `chimera kill engage|release|status`: the kill switch of a run in another process of this machine. */
export function kill(program: Command, context: Context): void {
  const group = program
    .command('kill')
    .summary('the kill switch of a live run on this machine')
    .description(
      'Talks to the live run of a --state folder. Engaged, nothing that adds risk leaves any more; everything is cancelled and closed, and the run says when the exchange has confirmed that it is flat. It stays engaged over restarts, until it is released.',
    );
  const folder = (command: Command): Command =>
    command.requiredOption('--state <dir>', 'the --state folder of the run');
  const asked = (command: Command): Command =>
    folder(command)
      .requiredOption('--reason <text>', 'why; it is kept with the command')
      .option('--who <name>', 'who asks; default: the user of this process')
      .option('--key <key>', 'idempotency key: the same key again is the same command');

  describe(
    asked(group.command('engage').summary('stop: no new risk, cancel all, close all')).option(
      '--wait <seconds>',
      'wait until the account is flat, at most so long',
      positive,
    ),
    ['kill engage --state state --reason "the venue misbehaves" --wait 30'],
  ).action(
    action(context, async (options: Options) => {
      return withRun(options.state, async (run) => {
        const { receipt, kill: first } = await run.command(requestOf('kill_engage', options));
        const report = options.wait === undefined ? first : await untilFlat(run, options.wait);
        const flat = report?.status?.['phase'] === 'flat';
        const ok = options.wait === undefined || flat;
        context.result({ ok, receipt, ...report }, () => text(report));
        return ok ? EXIT.ok : EXIT.differs;
      });
    }),
  );
  describe(asked(group.command('release').summary('allow new risk again')), [
    'kill release --state state --reason "looked at: a bad feed, repaired"',
  ]).action(
    action(context, (options: Options) =>
      withRun(options.state, async (run) => {
        const { receipt, kill: report } = await run.command(requestOf('kill_release', options));
        context.result({ ok: true, receipt, ...report }, () => text(report));
        return EXIT.ok;
      }),
    ),
  );
  describe(folder(group.command('status').summary('how it stands')), ['kill status --state state --json']).action(
    action(context, (options: Options) =>
      withRun(options.state, async (run) => {
        const report = await run.kill();
        context.result({ ok: true, ...report }, () => text(report));
        return EXIT.ok;
      }),
    ),
  );
}

async function withRun(state: string, then: (run: ControlClient) => Promise<number>): Promise<number> {
  const run = await ControlClient.open(state);
  try {
    return await then(run);
  } finally {
    run.close();
  }
}

function requestOf(kind: ControlRequest['kind'], o: Options): ControlRequest {
  const who = o.who ?? (userInfo().username.replace(/[^\w.:/@-]/g, '_') || 'unknown');
  return { kind, who, reason: o.reason, ...(o.key === undefined ? {} : { idempotency_key: o.key }) };
}

const POLL_MS = 50;
async function untilFlat(run: ControlClient, seconds: number): Promise<KillReport> {
  const until = performance.now() + seconds * 1000;
  for (;;) {
    const report = await run.kill();
    if (report.status?.['phase'] === 'flat' || performance.now() >= until) return report;
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

function text(report: KillReport | null): string {
  const { state, status } = report ?? { state: null, status: null };
  if (!state) return 'the kill switch has not said anything yet';
  const lines = [
    state['engaged']
      ? `engaged by ${state['who']}: ${state['reason']}`
      : state['paused']
        ? `released; new risk is paused: ${state['reason']}`
        : 'released',
  ];
  if (status?.['engaged'])
    lines.push(
      `${status['phase']}: ${status['orders']} orders that add risk, ${status['closing']} that close, ${status['resting']} stops, ${status['unknown']} unknown, ${status['positions']} positions, ${status['refused']} refused`,
    );
  return lines.join('\n');
}
