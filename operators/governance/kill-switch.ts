import { z } from 'zod';
import { type Ctx, defineNode, type Emit, input, output } from '../../graph/node.ts';
import { ControlCommand, type RecordView, record, type Values } from '../../graph/schema/index.ts';
import { DailyLoss } from '../decision/records.ts';
import { KillChange, KillState } from './records.ts';

const SignOfLife = record('sign_of_life', 1, {});

const out = {
  state: output(KillState, { doc: 'at the first event, and with every command and trigger; feed it to all gates' }),
  change: output(KillChange, { many: true, doc: 'what became of each command and trigger' }),
};
type Cause = Values<typeof KillState>['cause'];
interface State {
  engaged: boolean;
  paused: boolean;
  reason: string;
  pauseReason: string;
  who: string;
  correlation: string;
  sinceUs: number;
  /** Its state was told since it came to life. */
  told: boolean;
  /** The day's loss limit was reached when last seen: it triggers once, not after each release. */
  lost: boolean;
  cause: Cause;
}
const released = (): State => ({
  engaged: false,
  paused: false,
  reason: '',
  pauseReason: '',
  who: '',
  correlation: '',
  sinceUs: Number.NaN,
  told: false,
  lost: false,
  cause: 'start',
});
/** A state that cannot be read counts as engaged. */
const unreadable = (): State => ({
  ...released(),
  engaged: true,
  reason: 'the state of the kill switch could not be read: it counts as engaged',
  who: 'system',
  cause: 'unreadable',
});
const isState = (s: unknown): s is State => {
  if (s === null || typeof s !== 'object') return false;
  const now = s as Record<string, unknown>;
  return Object.entries(released()).every(([name, value]) => typeof now[name] === typeof value);
};

export const killSwitch = defineNode({
  type: 'governance.kill_switch',
  version: 1,
  tier: 'gold',
  summary:
    'The kill switch of the account: a latched fact, engaged by a command or its own triggers, released by a command with a reason.',
  doc: `Once engaged it stays engaged, over checkpoints, restarts and days, until a \`kill_release\` with a reason comes. While it is, gates let
only what reduces risk pass, and \`governance.last_gate\` cancels, flattens and verifies. A first reason is kept: engaging it again
changes nothing and is told so.

\`risk_pause\` is milder: no new risk, and nothing is closed. Engaging and pausing are independent of each other.

**Triggers.** \`on_daily_loss\`: the moment at which the day's loss limit is reached, once; a release holds although the day is still lost.

A state that cannot be read, or taken over from an earlier version, counts as engaged. The state is told at the first event of
\`alive\` (anything that ticks before the first order, e.g. the guards): \`governance.last_gate\` lets no risk pass before that.`,
  config: z.strictObject({
    on_daily_loss: z.boolean().default(false).describe('engage when the daily loss limit is reached'),
  }),
  ports: {
    in: {
      command: input(ControlCommand, { key: 'none' }),
      loss: input(DailyLoss, { key: 'none', optional: true }),
      alive: input(SignOfLife, { key: 'any', optional: true, doc: 'at its first event the state is told' }),
    },
    out,
  },
  determinism: 'pure',
  state: released,
  migrate: (old) => (isState(old) ? old : unreadable()),
  step(s, tick, c, emit, ctx) {
    let tell = !s.told;
    if (tick.command.ticked && onCommand(s, tick.command, emit, ctx)) tell = true;
    if (tick.loss.ticked) {
      if (tick.loss.blocked && !s.lost && c.on_daily_loss) {
        const reason = `the daily loss limit is reached: ${tick.loss.result} USDT`;
        const applied = engage(s, reason, 'daily_loss', '', 'trigger', ctx);
        said(s, emit, 'trigger', applied ? '' : 'it is engaged already', reason, 'daily_loss', '', '');
        tell = true;
      }
      s.lost = tick.loss.blocked;
    }
    if (!tell) return;
    s.told = true;
    emit.state({
      engaged: s.engaged,
      paused: s.paused,
      reason: s.engaged ? s.reason : s.pauseReason,
      cause: s.cause,
      who: s.who,
      correlation_id: s.correlation,
      since_us: s.sinceUs,
    });
  },
});

/** @returns whether it was meant for the switch */
function onCommand(s: State, v: RecordView<typeof ControlCommand>, emit: Emit<typeof out>, ctx: Ctx): boolean {
  const { kind, reason, who, correlation_id: id } = v;
  let note = '';
  if (kind === 'kill_engage') {
    if (!engage(s, reason, who, id, 'engage', ctx)) note = 'it is engaged already';
  } else if (kind === 'kill_release') {
    if (reason.trim() === '') note = 'a release needs a reason';
    else {
      if (!s.engaged) note = 'it was not engaged';
      Object.assign(s, { engaged: false, reason: '', sinceUs: Number.NaN, who, correlation: id, cause: 'release' });
    }
  } else if (kind === 'risk_pause') {
    if (s.paused) note = 'new risk is paused already';
    else Object.assign(s, { paused: true, pauseReason: reason, cause: 'pause' });
  } else if (kind === 'risk_resume') {
    if (!s.paused) note = 'new risk was not paused';
    Object.assign(s, { paused: false, pauseReason: '', cause: 'resume' });
  } else return false;
  said(s, emit, kind, note, reason, who, id, v.idempotency_key);
  return true;
}

function engage(s: State, reason: string, who: string, id: string, cause: Cause, ctx: Ctx): boolean {
  if (s.engaged) return false;
  Object.assign(s, { engaged: true, reason, who, correlation: id, sinceUs: ctx.now, cause });
  return true;
}

function said(
  s: State,
  emit: Emit<typeof out>,
  kind: Values<typeof KillChange>['kind'],
  note: string,
  reason: string,
  who: string,
  id: string,
  key: string,
): void {
  emit.change({
    kind,
    applied: note === '',
    note,
    engaged: s.engaged,
    paused: s.paused,
    reason,
    who,
    correlation_id: id,
    idempotency_key: key,
  });
}
