import { z } from 'zod';
import type { Env } from '../../graph/node.ts';
import { ChimeraError } from '../../graph/schema/index.ts';

export type MarketName = 'usdm' | 'spot';

const Address = z.strictObject({
  rest: z.url({ protocol: /^https?$/ }).describe('origin without a path, e.g. http://127.0.0.1:8001'),
  ws: z
    .url({ protocol: /^wss?$/ })
    .describe('websocket base as ccxt takes it: usdm ends in /ws, spot has /stream in it'),
});

/** How Binance is reached. `local` is a venue of ours and needs addresses; the others know theirs. */
export const BinanceAccess = z
  .strictObject({
    kind: z.enum(['local', 'testnet', 'live']),
    usdm: Address.optional(),
    spot: Address.optional(),
    apiKey: z.string().min(1).optional(),
    secret: z.string().min(1).optional(),
  })
  .superRefine((a, ctx) => {
    if (a.kind === 'local' && a.usdm === undefined && a.spot === undefined)
      ctx.addIssue({ code: 'custom', message: 'a local venue needs the address of usdm or spot' });
    // ccxt tells the markets of a message apart by these parts of the address.
    if (a.usdm && (!a.usdm.ws.endsWith('/ws') || a.usdm.ws.includes('/stream')))
      ctx.addIssue({ code: 'custom', path: ['usdm', 'ws'], message: 'must end in /ws, without /stream' });
    if (a.spot && !a.spot.ws.includes('/stream') && !a.spot.ws.includes('demo-stream') && a.kind === 'local')
      ctx.addIssue({ code: 'custom', path: ['spot', 'ws'], message: 'must have /stream in its path' });
  });
export type BinanceAccess = z.output<typeof BinanceAccess>;

/**
 * The access that the run hands to its outer ends.
 * @throws CHM930 when it is absent, malformed, or has no address for a market of a local venue. Values are never quoted.
 */
export function binanceAccess(env: Env, market: MarketName): BinanceAccess {
  const refuse = (why: string): never => {
    throw new ChimeraError('CHM930', `${env.node} has no access to Binance: ${why}`, {
      node: env.node,
      help: 'use a profile that connects (paper, testnet, live), or hand the access over under the name `binance`',
    });
  };
  const given = env.access?.['binance'];
  if (given === undefined) return refuse('the run hands over none');
  const read = BinanceAccess.safeParse(given);
  if (!read.success)
    return refuse(read.error.issues.map((i) => `${i.path.join('.') || 'binance'} ${i.message}`).join('; '));
  if (read.data.kind === 'local' && read.data[market] === undefined) return refuse(`there is no address for ${market}`);
  return read.data;
}

/** What must never be seen of an access. */
export const secretsOf = (a: BinanceAccess): readonly (string | undefined)[] => [a.apiKey, a.secret];
