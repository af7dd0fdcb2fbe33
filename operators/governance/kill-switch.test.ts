import { describe, expect, it } from 'vitest';
import { Drive } from '../../graph/testing/drive.ts';
import { killSwitch } from './kill-switch.ts';

const S = 1_000_000;
const switchOf = (config = {}) => new Drive(killSwitch, config);
const command = (kind: string, more = {}) => ({
  command: {
    kind,
    reason: 'because',
    who: 'ana',
    correlation_id: 'c1',
    idempotency_key: 'k1',
    instrument: '',
    subject: '',
    ...more,
  },
});
const loss = (blocked: boolean) => ({ loss: { blocked, result: -120 } });

describe('the kill switch', () => {
  it('tells its state at the first event, and is released then', () => {
    const d = switchOf();
    expect(d.send(S, { alive: [{}] })).toMatchObject([
      { port: 'state', values: { engaged: false, paused: false, cause: 'start' } },
    ]);
    expect(d.send(2 * S, { alive: [{}] })).toEqual([]);
  });

  it('is latched by a command, keeps its first reason, and is released by a command with a reason only', () => {
    const d = switchOf();
    d.send(S, command('kill_engage'));
    expect(d.on('state').at(-1)).toMatchObject({
      engaged: true,
      reason: 'because',
      who: 'ana',
      since_us: S,
      correlation_id: 'c1',
    });
    d.send(2 * S, command('kill_engage', { reason: 'again', correlation_id: 'c2' }));
    expect(d.on('change').at(-1)).toMatchObject({
      applied: false,
      note: 'it is engaged already',
      correlation_id: 'c2',
      engaged: true,
    });
    expect(d.on('state').at(-1)).toMatchObject({ engaged: true, reason: 'because', since_us: S });
    d.send(3 * S, command('kill_release', { reason: ' ' }));
    expect(d.on('change').at(-1)).toMatchObject({ applied: false, engaged: true });
    d.send(4 * S, command('kill_release', { reason: 'looked at' }));
    expect(d.on('change').at(-1)).toMatchObject({ kind: 'kill_release', applied: true, engaged: false });
    expect(d.on('state').at(-1)).toMatchObject({ engaged: false, cause: 'release', reason: '' });
  });

  it('is engaged by the daily loss where that is configured: once, so that a release holds', () => {
    const d = switchOf({ on_daily_loss: true });
    d.send(S, loss(false));
    d.send(2 * S, loss(true));
    expect(d.on('state').at(-1)).toMatchObject({ engaged: true, cause: 'trigger', who: 'daily_loss' });
    d.send(3 * S, command('kill_release'));
    d.send(4 * S, loss(true));
    expect(d.on('state').at(-1)).toMatchObject({ engaged: false });
    d.send(5 * S, loss(false));
    d.send(6 * S, loss(true));
    expect(d.on('state').at(-1)).toMatchObject({ engaged: true });
    const off = switchOf();
    off.send(S, loss(true));
    expect(off.on('state').at(-1)).toMatchObject({ engaged: false });
  });

  it('pauses new risk without closing anything, independently of the switch', () => {
    const d = switchOf();
    d.send(S, command('risk_pause'));
    expect(d.on('state').at(-1)).toMatchObject({ engaged: false, paused: true, reason: 'because' });
    d.send(2 * S, command('kill_engage', { reason: 'worse' }));
    d.send(3 * S, command('kill_release'));
    expect(d.on('state').at(-1)).toMatchObject({ engaged: false, paused: true });
    d.send(4 * S, command('risk_resume'));
    expect(d.on('state').at(-1)).toMatchObject({ paused: false });
  });

  it('leaves other commands to others', () => {
    const d = switchOf();
    d.send(S, { alive: [{}] });
    expect(d.send(2 * S, command('acknowledge', { subject: 'alert-1' }))).toEqual([]);
  });

  it('counts as engaged when an earlier state cannot be read', () => {
    for (const old of [null, 'broken', {}, { engaged: 'no' }])
      expect(killSwitch.migrate!(old, 0)).toMatchObject({ engaged: true, cause: 'unreadable' });
    const good = killSwitch.state(killSwitch.config.parse({}), undefined as never);
    expect(killSwitch.migrate!({ ...good }, 0)).toEqual(good);
  });
});
