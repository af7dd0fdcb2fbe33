import type { PartSnapshot } from '../../graph/cut/part-snapshot.ts';

export type Status = 'GREEN' | 'YELLOW' | 'RED';
export interface Reason {
  readonly status: Exclude<Status, 'GREEN'>;
  readonly part: string;
  /** What the bus, or what the part writes to, suffers from. */
  readonly code?: string;
  readonly message: string;
}
export interface Health {
  readonly status: Status;
  readonly reasons: readonly Reason[];
  readonly parts: readonly {
    readonly part: string;
    readonly service: string;
    readonly lag_ms: number;
    readonly bus: string;
  }[];
}
export interface HealthLimits {
  /** A lag beyond these is worth a look, or wrong; µs. Defaults 5 s and 60 s. */
  readonly lagYellowUs?: number;
  readonly lagRedUs?: number;
  /** Trouble with the bus, or with what the part writes to, that lasts longer than this is no passing one, ms. Default 30 s. */
  readonly troubleRedMs?: number;
}

/** GREEN: all is well. YELLOW: it works, but something needs a look, or is expected to pass. RED: it does not do its work. */
export function healthOf(snapshots: readonly PartSnapshot[], nowMs: number, limits: HealthLimits = {}): Health {
  const { lagYellowUs = 5e6, lagRedUs = 60e6, troubleRedMs = 30_000 } = limits;
  const reasons = snapshots.flatMap((s): Reason[] => {
    const found: Reason[] = [];
    const { part, state, lagUs, trouble } = s;
    if (trouble) {
      const lasted = Math.max(0, nowMs - trouble.since);
      const status = lasted > troubleRedMs ? 'RED' : 'YELLOW';
      found.push({ status, part, code: trouble.code, message: `has tried again for ${seconds(lasted / 1e3)}` });
    }
    if (state?.code !== undefined) {
      const lasted = Math.max(0, nowMs - state.since);
      const status = lasted > troubleRedMs ? 'RED' : 'YELLOW';
      found.push({ status, part, code: state.code, message: `the bus is in trouble for ${seconds(lasted / 1e3)}` });
    }
    if (lagUs > lagYellowUs)
      found.push({
        status: lagUs > lagRedUs ? 'RED' : 'YELLOW',
        part,
        message: `behind by ${seconds(lagUs / 1e6)}`,
      });
    if (s.counters.dropped > 0)
      found.push({ status: 'YELLOW', part, message: `${s.counters.dropped} inputs were dropped` });
    return found;
  });
  const status = reasons.some((r) => r.status === 'RED') ? 'RED' : reasons.length > 0 ? 'YELLOW' : 'GREEN';
  const parts = snapshots.map((s) => ({
    part: s.part,
    service: s.service,
    lag_ms: s.lagUs / 1e3,
    bus: s.state?.code ?? 'ok',
  }));
  return { status, reasons, parts };
}
const seconds = (s: number): string => `${s < 10 ? s.toFixed(1) : Math.round(s)} s`;
