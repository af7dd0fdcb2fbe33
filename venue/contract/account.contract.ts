import { deepEqual, equal, ok } from 'node:assert/strict';
import { BALANCE, rowOf } from './balance.ts';
import type { Session } from './testing/session.ts';
import { isNear } from './testing/stamp.ts';
import { TRANSFER } from './transfer.ts';

export async function balance({ client, contract, own }: Session): Promise<void> {
  const b = await client.fetchBalance();
  contract.all('fetchBalance', [b], BALANCE);
  if (own)
    contract.claim('fetchBalance: there are 10,000 USDT at the start', () => equal(rowOf(b, 'USDT').total, 10_000));
}

/** From this wallet to the other and back. */
export async function transfers({ client, contract, name }: Session): Promise<void> {
  const [here, there] = name === 'usdm' ? ['swap', 'spot'] : ['spot', 'swap'];
  const total = async (): Promise<number> => rowOf(await client.fetchBalance(), 'USDT').total!;
  const before = await total();
  const sent = await client.transfer('USDT', 25.5, here!, there!);
  const between = await total();
  const back = await client.transfer('USDT', 25.5, there!, here!);
  const after = await total();
  contract.claim('transfer: each has an id of its own', () => {
    for (const t of [sent, back]) ok(/^\d+$/.test(t.id ?? ''), t.id);
    ok(sent.id !== back.id);
  });
  contract.claim('transfer: the amount leaves the wallet', () => isNear(between, before - 25.5, 'wallet', 1e-6));
  contract.claim('transfer: the amount comes back', () => isNear(after, before, 'wallet', 1e-6));
  const list = await client.fetchTransfers('USDT', undefined, undefined, { fromAccount: 'spot', toAccount: 'future' });
  contract.all('fetchTransfers', list, TRANSFER);
  contract.claim('fetchTransfers has what went from Spot to USD-M', () => {
    const id = name === 'spot' ? sent.id : back.id;
    const row = list.find((t) => t.id === id);
    deepEqual([row?.amount, row?.currency], [25.5, 'USDT']);
  });
  await contract.refuses('a transfer of more than there is', 'InsufficientFunds', /-5013|-4051|insufficient/i, () =>
    client.transfer('USDT', 1e6, here!, there!),
  );
}
