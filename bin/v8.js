import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** More objects than the first young generation (1 MB) has room for. */
const MANY = 50_000;
const MB = 4;
/** Bytes of bytecode that a function runs before V8 thinks of optimising it: twice V8's own, where there is no compiler in between. */
const INTERRUPT_BUDGET = 264_000;

/**
 * Lets V8's young generation grow to twice 4 MB and no further; by itself it takes twice 16 MB. What a cycle leaves behind dies at once,
 * so that room for more of it is only memory. There is no flag for this once the process runs (and `node` is started by the
 * user, without any), but the factor by which it grows is read whenever it does: here once, and then it is 1.
 */
export function keepYoungSmall() {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  setFlagsFromString(`--semi-space-growth-factor=${MB}`);
  // It grows at the beginning of a collection, when more than it holds has survived since it last grew.
  const kept = Array.from({ length: MANY }, (_, i) => ({ i }));
  for (let i = 0; i < 2; i++) collect({ type: 'minor' });
  setFlagsFromString('--semi-space-growth-factor=1');
  kept.length = 0;
}

/**
 * Lets V8 compile later. Most commands are over within a second, a third of which would go into optimised code that hardly runs; what
 * runs for minutes does not notice. From version 12 on V8 has a quick compiler besides, and is best left alone.
 */
export function compileLater() {
  if (Number.parseInt(process.versions.v8, 10) >= 12) return;
  setFlagsFromString(`--interrupt-budget=${INTERRUPT_BUDGET}`);
}
