import { describe, expect, it } from 'vitest';
import { Jobs } from './jobs.ts';

describe('work that takes longer than a request', () => {
  const until = (signal: AbortSignal) =>
    new Promise<never>((_, fail) => signal.addEventListener('abort', () => fail(signal.reason), { once: true }));

  it('is ended when nobody asks about it any more, unless it is to be kept', async () => {
    const jobs = new Jobs(Date.now, 0);
    const begun = jobs.begin({ what: 'x', by: 'ann', correlation: 'c', work: until });
    const asked = performance.now();
    let job = jobs.get(begun.id)!;
    while (job.state === 'running' && performance.now() - asked < 10_000) {
      await new Promise((done) => setTimeout(done, 1500));
      job = jobs.get(begun.id)!;
    }
    expect(job).toMatchObject({ state: 'failed', by: 'ann' });
    const kept = jobs.begin({ what: 'y', by: 'ann', correlation: 'c', work: until, keep: true });
    await new Promise((done) => setTimeout(done, 1500));
    expect(jobs.get(kept.id)!.state).toBe('running');
    await jobs.close();
    expect(jobs.get(kept.id)!.state).toBe('failed');
  });
  it('tells nothing of the inside of a fault', async () => {
    const jobs = new Jobs(Date.now);
    const { id } = jobs.begin({
      what: 'x',
      by: 'ann',
      correlation: 'c',
      work: () => Promise.reject(new Error('/etc')),
    });
    await new Promise((done) => setImmediate(done));
    expect(jobs.get(id)).toMatchObject({ state: 'failed', error: { code: 'CHM1125' } });
    expect(JSON.stringify(jobs.get(id))).not.toContain('/etc');
  });
});
