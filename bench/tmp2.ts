import { KeyTable } from '../graph/schema/index.ts';
import { importFiles } from '../lake/import.ts';
import { openBronzeWriter } from '../lake/bronze-writer.ts';
import { createBookCheck } from '../ui/run/book-check.ts';
const t0 = performance.now();
const r = await importFiles(process.argv.slice(3), { to: process.argv[2]!, keys: new KeyTable(), openWriter: openBronzeWriter, bookCheck: createBookCheck() });
console.log(r.rows, r.gaps.length, r.duplicates, r.out_of_order, r.off_market, r.crossed, r.bad_input.length, performance.now() - t0, r.decode_s, r.write_s);
