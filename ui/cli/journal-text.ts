import { grouped } from '../report/decimal.ts';
import type { JournalStats } from '../run/journals.ts';

/** What lies in the journals of a run and what has become of the rest, in a few words. */
export function journalText(j: JournalStats): string {
  const parts = [`${grouped(j.bytes / 2 ** 20, 1)} MiB in ${counted(j.segments, 'segment')}`];
  if (j.sealed > 0) parts.push(`${counted(j.sealed, 'segment')} sealed`);
  if (j.deleted > 0) parts.push(`${grouped(j.deleted, 0)} deleted`);
  if (j.failures > 0) parts.push(`sealing failed ${counted(j.failures, 'time')}: ${j.last_failure}`);
  return parts.join(', ');
}
const counted = (n: number, what: string): string => `${grouped(n, 0)} ${what}${n === 1 ? '' : 's'}`;
