import { ChimeraError } from '../../graph/schema/index.ts';
import { EXIT } from './io.ts';

/** Codes that speak of a whole input: the lake, a file, an archive. */
const INPUT = new Set([
  601, 806, 924, 603, 604, 608, 609, 610, 611, 612, 615, 617, 618, 619, 621, 622, 623, 642, 670, 671, 672, 673, 674,
  675, 720,
]);
/** Wrong usage although the code is of a room that mostly speaks of data. */
const USAGE = new Set([
  613, 614, 644, 803, 804, 805, 901, 902, 903, 904, 906, 907, 910, 911, 912, 913, 914, 915, 917, 919, 920, 921, 922,
  923, 925, 945, 946, 950, 953, 954, 955, 957, 958, 990,
]);
/** Broken promises of the program to itself. */
const FAULT = new Set([705, 708, 741, 790, 802]);

/** The process's exit code for an error, by its code. Unknown errors are faults of Chimera. */
export function exitCode(error: unknown): number {
  if (!(error instanceof ChimeraError)) return EXIT.fault;
  const n = Number(error.code.slice(3));
  if (USAGE.has(n)) return EXIT.usage;
  if (INPUT.has(n)) return EXIT.input;
  if (FAULT.has(n)) return EXIT.fault;
  // A child process that ended for the user's reasons hands them on.
  if (n === 905) return Number(/ended with code ([23]):/.exec(error.message)?.[1] ?? EXIT.differs);
  // A node that was stopped by an input: the pipeline is in order, its data were not.
  if (error.where.seq !== undefined) return EXIT.differs;
  if (n < 540 || (n >= 810 && n < 900)) return EXIT.usage;
  return EXIT.differs;
}
