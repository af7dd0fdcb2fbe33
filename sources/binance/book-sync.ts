import type { DepthGate } from './depth-gate.ts';
import { backoffMs, type Sleeper } from './sleeper.ts';

/** After so many attempts it is called a fault; it goes on all the same. */
const MANY = 10;

/**
 * Fetches depth snapshots until one joins the chain of diffs that has passed and was let pass itself. Never rejects.
 * @param fetch rejects with a masked error
 * @param pass false when there was no room for it
 */
export async function syncBook(
  gate: DepthGate,
  fetch: () => Promise<Readonly<Record<string, unknown>>>,
  pass: (snapshot: Readonly<Record<string, unknown>>) => boolean,
  fault: (why: string) => void,
  sleeper: Sleeper,
): Promise<void> {
  let why = '';
  for (let attempt = 1; gate.wanted && !sleeper.closed; attempt++) {
    const { epoch } = gate;
    try {
      const snapshot = await fetch();
      if (sleeper.closed) return;
      const L = Number(snapshot['lastUpdateId']);
      if (gate.epoch !== epoch) continue;
      if (!gate.joins(L)) why = 'each snapshot was older than the diffs';
      else if (pass(snapshot)) gate.based(L);
    } catch (e) {
      why = e instanceof Error ? e.message : String(e);
    }
    if (!gate.wanted) return;
    if (attempt === MANY) fault(why);
    await sleeper.sleep(backoffMs(attempt, 50, 5000));
  }
}
