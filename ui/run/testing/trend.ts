import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadPipeline } from '../../../graph/document/load.ts';
import type { Pipeline } from '../../../graph/document/types.ts';
import { registry } from '../../cli/registry.ts';
import { home } from '../../cli/version.ts';

const read = (name: string): string => readFileSync(join(home(), 'pipelines', name), 'utf8');

/** A synthetic market of two symbols as a profile; `more` are further options of the source. */
export const synthetic = (more: string, duration: string): string => `chimera: 1
profile: synthetic
bind:
  market: { type: source.synthetic, with: { symbols: [BTCUSDT, ETHUSDT], duration: ${duration}${more === '' ? '' : `, ${more}`} } }
  venue: { type: venue.usdm }
`;

/**
 * `pipelines/trend.yaml` with bars of a second and the preset that trades within seconds.
 * @param profile its text; default: the profile `replay`
 */
export function trend(profile = read('profiles/replay.yaml'), edit = (text: string): string => text): Pipeline {
  const { pipeline, diagnostics } = loadPipeline(edit(read('trend.yaml')), 'pipelines/trend.yaml', registry, {
    sets: { preset: 'recording', balance_usdt: '1000000', interval: '1s' },
    profile: { file: 'pipelines/profiles/test.yaml', text: profile },
  });
  if (!pipeline) throw new Error(diagnostics.map((d) => `${d.line}:${d.column} ${d.code} ${d.message}`).join('\n'));
  return pipeline;
}
