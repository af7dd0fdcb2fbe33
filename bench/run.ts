import { benchGraphNodes } from './graph-nodes.ts';
import { reached, table } from './stats.ts';

/** `npm run bench`: the quick benchmarks, as a table on stderr and as JSON on stdout. */
const figures = [...benchGraphNodes()];
process.stderr.write(`${table(figures)}\n`);
process.stdout.write(`${JSON.stringify({ node: process.version, figures, all_reached: figures.every(reached) })}\n`);
