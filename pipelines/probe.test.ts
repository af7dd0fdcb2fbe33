import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { runJob } from '../ui/run/run.ts';
import { ROOT, trend } from './testing/play.ts';

const REPLAY = {
  file: 'pipelines/profiles/replay.yaml',
  text: readFileSync(join(ROOT, 'pipelines/profiles/replay.yaml'), 'utf8'),
};
it('probe', async () => {
  const p = trend({ symbols: '[BTCUSDT]', interval: '1s', margin_usdt: '20', exit_style: 'taker' }, REPLAY);
  const r = await runJob({
    pipeline: p,
    inputs: [join(ROOT, 'pipelines/golden/btcusdt-nine-seconds.txt')],
    tapAll: '/tmp/golden',
  });
  console.log(r.events_in, r.counters, r.bad_input);
});
