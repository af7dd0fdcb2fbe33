import type { Bus } from '../bus/bus.ts';
import { type Control, decodeControl } from './control.ts';

/** The last message of a control stream; undefined when there is none that can be read. */
export async function lastTold(
  bus: Bus,
  { stream, position }: { readonly stream: string; readonly position: number },
  signal: AbortSignal | undefined,
): Promise<Control | undefined> {
  if (position === 0) return undefined;
  const reader = bus.reader([{ stream, after: position - 1 }], signal ? { signal } : {});
  try {
    const last = (await reader.read()).at(-1);
    return last && decodeControl(last.payload);
  } catch {
    return undefined;
  } finally {
    await reader.close();
  }
}
