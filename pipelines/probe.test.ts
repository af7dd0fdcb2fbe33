import { mkdtempSync } from 'node:fs';
import { it } from 'vitest';
import { openEmbeddedStore } from '../sinks/store/index.ts';
import { play, synthetic, trend } from './testing/play.ts';

it('probe', async () => {
  const dir = mkdtempSync('/tmp/probe-');
  const p = await play(trend({}, synthetic('', process.env['D'] ?? '60s')), { dir });
  const orders = p.on('orders.order').map((r) => r.values);
  const n: Record<string, number> = {};
  for (const o of orders) {
    const k = `${o['action']} ${o['origin']} ${o['intent_id'] === '' ? 'no intent' : String(o['intent_id']).split('/')[1]}`;
    n[k] = (n[k] ?? 0) + 1;
  }
  console.log(n);
  const m: Record<string, number> = {};
  for (const o of p.on('stops.intent').map((r) => r.values)) {
    const k = `${o['reason']}`;
    m[k] = (m[k] ?? 0) + 1;
  }
  console.log(m);
  const store = openEmbeddedStore(dir);
  const fills = await store.query('by_time', { collection: 'fills', from: 0, to: 1e18 });
  const orders2 = await store.query('by_time', { collection: 'orders', from: 0, to: 1e18 });
  for (const f of [fills[0]!, fills.at(-1)!]) {
    console.log(f);
    for (const s of await store.query('lineage', { id: `fills/${f._key}`, direction: 'ancestors' }))
      console.log(s.depth, s.id, s.kind, s.from, s.document === null ? null : Object.keys(s.document).length);
  }
  console.log(JSON.stringify(orders2[0], null, 1).slice(0, 3000));
  const sig = await store.query('by_time', { collection: 'signals', from: 0, to: 1e18 });
  console.log(sig[0], sig.length);
  console.log(await store.query('positions_at', { t: 1e18 }));
  for (const c of [
    'strategy_events',
    'fills',
    'orders',
    'signals',
    'positions_snapshots',
    'lineage',
    'config_bundles',
    'logs',
  ] as const)
    console.log(c, await store.count(c));
  await store.close();
  console.log(dir);
});
