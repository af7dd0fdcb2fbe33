import { z } from 'zod';
import { ChimeraError } from '../../graph/schema/index.ts';
import type { Health } from './contract/records.ts';
import { SERVICE_IDS, type Service } from './route.ts';

/** How a process with a service of a divided run does, by its own word. */
export interface PeerHealth {
  readonly url: string;
  readonly status: Health;
  readonly ready: boolean;
  readonly detail: string;
}
/** Processes that run one service each (`chimera run --bus … --service s2 --metrics PORT`), asked for their health again and again. */
export interface Peers {
  of(service: Service): readonly PeerHealth[];
  close(): void;
}
const EVERY_MS = 2000;
const WITHIN_MS = 1500;

const Said = z.object({
  status: z.enum(['GREEN', 'YELLOW', 'ORANGE', 'RED']),
  reasons: z.array(z.object({ part: z.string(), message: z.string() })).default([]),
});
const STATUS = { GREEN: 'OK', YELLOW: 'DEGRADED', ORANGE: 'DEGRADED', RED: 'ERROR' } as const;

/** `s2=http://127.0.0.1:9462`, as options give it. @throws CHM911 */
export function parsePeer(text: string): { readonly service: Service; readonly url: string } {
  const m = /^(s\d{1,2})=(https?:\/\/[^\s/]+)\/?$/.exec(text);
  const service = SERVICE_IDS.find((s) => s === m?.[1]);
  if (!m || !service || !URL.canParse(m[2]!))
    throw new ChimeraError('CHM911', `--peer ${text} is no service with its address`, {
      help: 'write it like s2=http://127.0.0.1:9462, with the address that --metrics of that process has',
    });
  return { service, url: m[2]! };
}

/** @param peers as `parsePeer` gives them; a service may run in several processes */
export function watchPeers(peers: readonly { readonly service: Service; readonly url: string }[]): Peers {
  const known = new Map<string, PeerHealth>();
  const ask = async (url: string): Promise<PeerHealth> => {
    const get = (path: string) => fetch(url + path, { signal: AbortSignal.timeout(WITHIN_MS), redirect: 'error' });
    try {
      const [health, ready] = await Promise.all([get('/health'), get('/ready')]);
      const { status, reasons } = Said.parse(await health.json());
      await ready.body?.cancel();
      const why = reasons.map((r) => `${r.part}: ${r.message}`).join('; ');
      return { url, status: STATUS[status], ready: ready.ok, detail: (why === '' ? status : why).slice(0, 300) };
    } catch {
      return { url, status: 'ERROR', ready: false, detail: `${url} does not answer` };
    }
  };
  const round = () => {
    for (const { url } of peers) void ask(url).then((h) => known.set(url, h));
  };
  const timer = setInterval(round, EVERY_MS);
  timer.unref();
  round();
  return {
    of: (service) =>
      peers
        .filter((p) => p.service === service)
        .map(({ url }) => known.get(url) ?? { url, status: 'OK', ready: false, detail: 'not asked yet' }),
    close: () => clearInterval(timer),
  };
}
