import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { grouped } from '../../report/decimal.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../io.ts';
import { integer, positive } from '../options.ts';
import { type ServingOptions, servingOptions, startServing } from '../serving.ts';
import { frame, type LiveState } from '../start/frame.ts';
import type { TourResult } from '../start/tour.ts';
import { chimera } from './parity.ts';
import { differenceText } from './replay.ts';

interface Options extends ServingOptions {
  once?: boolean;
  seconds: number;
  seed: number;
  pace: number;
  dir: string;
}

export function start(program: Command, context: Context): void {
  const command = servingOptions(program.command('start'))
    .summary('paper trading on a local venue, captured, replayed, compared')
    .description(
      'Starts a local exchange that speaks the API of the real one, with a synthetic market (or the recordings that are named); the trend pipeline trades on it through ccxt for a minute, or until Ctrl-C. What arrived is captured and replayed offline, and every output of every node is compared. It leaves a report, and serves it until Ctrl-C.',
    )
    .argument('[input...]', 'recorder files, a lake, or a folder of recordings instead of the synthetic market')
    .option('--once', 'end with the verdict as exit code (as it does without a terminal)')
    .option('--seconds <n>', 'length of the live run', integer(1, 86_400), 60)
    .option('--seed <n>', 'seed of the synthetic market', integer(0), 1)
    .option('--pace <rate>', 'seconds of the market per second of the clock', positive, 4)
    .option('--dir <dir>', 'where the journal, the lake, the outputs and the report are left', 'runs/start');
  describe(command, ['start', 'start --once --seconds 10', 'start recording.gz']).action(
    action(context, async (inputs: string[], o: Options) => {
      const { tour } = await import('../start/tour.ts');
      const screen = new Screen(context);
      const stays = context.io.stdout.isTTY === true && !o.once && !context.json && context.io.signal;
      const api = await startServing(context, {
        ...o,
        serve: o.serve ?? Boolean(stays),
        home: dirname(resolve(o.dir)),
      });
      const result = await tour({
        inputs,
        seconds: o.seconds,
        seed: o.seed,
        pace: o.pace,
        command: chimera(),
        env: context.io.env,
        dir: o.dir,
        onLive: (s) => screen.show(s),
        onStage: (text) => screen.say(text),
        ...(context.io.signal ? { signal: context.io.signal } : {}),
        ...(api ? { line: () => api.line() } : {}),
      }).finally(() => screen.end());
      context.result(result, () => tourText(result, context));
      const code = result.identical ? EXIT.ok : EXIT.differs;
      if (stays && api) {
        context.out(`open     ${context.paint('stdout', 'cyan', api.url)}   (Ctrl-C ends)`);
        if (api.code !== undefined) context.out(`code     ${api.code}   makes the first administrator, once`);
        if (!stays.aborted)
          await new Promise<void>((done) => stays.addEventListener('abort', () => done(), { once: true }));
      }
      await api?.close();
      return code;
    }),
  );
}

function tourText(r: TourResult, context: Context): string {
  const verdict = r.identical
    ? context.paint(
        'stdout',
        'green',
        `identical: ${grouped(r.values, 0)} values of ${r.nodes} nodes, live and replayed`,
      )
    : context.paint(
        'stdout',
        'red',
        r.first_difference
          ? differenceText(r.first_difference)
          : r.idle.length > 0
            ? 'nothing differs, but idle nodes prove nothing: let it run longer (--seconds)'
            : 'the replay had another number of inputs',
      );
  return [
    `live     ${grouped(r.events, 0)} events in ${r.live_s.toFixed(1)} s: ${grouped(r.orders.placed, 0)} orders, ${grouped(r.fills, 0)} fills, final balance ${r.final_balance} USDT`,
    `replay   the same events in ${r.replay_s.toFixed(1)} s`,
    ...(r.idle.length > 0
      ? [`idle     ${r.idle.join(', ')} never said anything: about these the comparison proves nothing`]
      : []),
    verdict,
    `report   ${resolve(r.report)}`,
  ].join('\n');
}

/** The live screen: redrawn in place on a terminal, a line now and then without one. */
class Screen {
  readonly #context: Context;
  readonly #tty: boolean;
  #lines = 0;
  #said = 0;
  constructor(context: Context) {
    this.#context = context;
    this.#tty = context.io.stderr.isTTY === true && context.io.env['TERM'] !== 'dumb';
  }
  show(s: LiveState): void {
    const { io } = this.#context;
    if (!this.#tty) {
      if (performance.now() - this.#said < 10_000) return;
      this.#said = performance.now();
      const share = s.share === undefined ? '' : `${Math.round(s.share * 100)} %, `;
      this.#context.note(`${share}${grouped(s.events, 0)} events, ${s.orders.placed} orders, ${s.fills} fills`);
      return;
    }
    const width = (io.stderr.columns ?? 100) - 1;
    const lines = frame(s, (style, text) => this.#context.paint('stderr', style, text)).map((l) => clip(l, width));
    const up = this.#lines > 0 ? `\u001b[${this.#lines}A` : '';
    io.stderr.write(`${up}${lines.map((l) => `\r\u001b[2K${l}\n`).join('')}`);
    // A frame that is shorter than the one before leaves lines behind: blank them.
    if (lines.length < this.#lines) io.stderr.write(`\u001b[0J`);
    this.#lines = lines.length;
  }
  say(text: string): void {
    if (this.#tty && this.#lines > 0) this.#context.io.stderr.write('\n');
    this.#lines = 0;
    this.#context.note(this.#context.paint('stderr', 'dim', text));
  }
  end(): void {
    this.#lines = 0;
  }
}

/** Cuts a line to a width; escape codes have none. */
function clip(line: string, width: number): string {
  let seen = 0;
  let out = '';
  for (const [i, text] of line.split('\u001b').entries()) {
    // Behind each escape character: `[`, a number, `m`, then text.
    const end = i === 0 ? 0 : text.indexOf('m') + 1;
    if (i > 0) out += `\u001b${text.slice(0, end)}`;
    const part = text.slice(end);
    out += part.slice(0, Math.max(0, width - seen));
    seen += part.length;
  }
  return out;
}
