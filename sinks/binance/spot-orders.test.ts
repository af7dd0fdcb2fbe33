import { describe, expect, it } from 'vitest';
import { SEND_FAULTS } from './testing/faulty-link.ts';
import { spotFaultRun, spotFaultsOf } from './testing/spot-fault-run.ts';

const RUNS = 4_000;

describe('Spot orders under fault, in virtual time', () => {
  it(`${RUNS} seeded sessions, a fault at nearly every send: none doubled, none lost, none misreported, none left UNKNOWN, and held is what the exchange holds [S4.5]`, () => {
    const counts = new Map<string, number>();
    const count = (name: string, n: number): void => void counts.set(name, (counts.get(name) ?? 0) + n);
    const failures: string[] = [];
    for (let seed = 1; seed <= RUNS; seed++) {
      const run = spotFaultRun(seed);
      for (const [name, n] of run.exchange.faults) count(name, n);
      count('sessions with an UNKNOWN order', run.maxUnknown > 0 ? 1 : 0);
      count('orders commanded', run.commands.filter((c) => c.action === 'place').length);
      count('orders accepted', run.exchange.accepted.size);
      count('pairs commanded', run.pairs);
      count('pairs accepted', run.exchange.lists);
      count('trades', run.exchange.fills.length);
      count('crashes', run.crashes);
      for (const v of run.reports.flat()) {
        if (v.exec === 'unknown') count('told unknown', 1);
        if (v.exec === 'status') count('told status', 1);
        if (v.exec === 'rejected') count(`rejected ${v.code}`, 1);
      }
      const wrong = spotFaultsOf(run);
      if (wrong.length > 0) failures.push(`seed ${seed}: ${wrong.join('; ')}`);
    }
    console.table(Object.fromEntries([...counts].sort()));
    expect(failures.slice(0, 8)).toEqual([]);
    for (const fault of SEND_FAULTS) expect([fault, counts.get(fault)! > 100]).toEqual([fault, true]);
    const at = (name: string): number => counts.get(name) ?? 0;
    expect(at('sessions with an UNKNOWN order')).toBeGreaterThan(RUNS * 0.9);
    expect(at('pairs accepted')).toBeGreaterThan(RUNS * 0.4);
    expect(at('crashes')).toBeGreaterThan(RUNS);
    expect(at('trades')).toBeGreaterThan(4 * RUNS);
    expect(at('told status')).toBeGreaterThan(100);
  }, 120_000);

  it('the checker finds an order that was sent twice, a fill that was not told, and an end that was not so', () => {
    let seed = 1;
    let run = spotFaultRun(seed);
    while (run.reports.length > 1 || run.exchange.fills.length < 2) run = spotFaultRun(++seed);
    expect(spotFaultsOf(run)).toEqual([]);
    const [id] = [...run.exchange.accepted.keys()];
    run.exchange.accepted.set(id!, 2);
    expect(spotFaultsOf(run)).toEqual([`${id} was accepted 2 times`]);
    run.exchange.accepted.set(id!, 1);
    const [life] = run.reports;
    const [fill] = life!.splice(
      life!.findIndex((v) => v.exec === 'trade'),
      1,
    );
    expect(spotFaultsOf(run).join()).toContain('was not reported');
    life!.push(fill!, fill!);
    expect(spotFaultsOf(run).join()).toContain('was reported twice');
    run.holding.base++;
    expect(spotFaultsOf(run).join()).toMatch(/held \d+, at the exchange/);
  });
});
