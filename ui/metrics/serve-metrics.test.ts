import { afterEach, describe, expect, it } from 'vitest';
import type { PartSnapshot } from '../../graph/cut/part-snapshot.ts';
import { healthOf } from './health.ts';
import { type MetricsOptions, type MetricsServer, parseMetricsAddress, serveMetrics } from './serve-metrics.ts';
import { parseExposition } from './testing/exposition.ts';
import { snapshot } from './testing/snapshots.ts';

let server: MetricsServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});
const NOW = 1_723_075_200_000;
async function serve(parts: () => readonly PartSnapshot[], more: Partial<MetricsOptions> = {}): Promise<MetricsServer> {
  server = await serveMetrics({ port: 0, snapshots: parts, ready: () => true, wallMs: () => NOW, ...more });
  return server;
}
const get = async (path: string) => {
  const response = await fetch(`${server!.url}${path}`);
  return { code: response.status, type: response.headers.get('content-type'), body: await response.text() };
};

describe('the address of the metrics', () => {
  it('is of the loopback interface alone unless another is named', async () => {
    await serve(() => []);
    expect(new URL(server!.url).hostname).toBe('127.0.0.1');
    expect(parseMetricsAddress('9464')).toEqual({ host: '127.0.0.1', port: 9464 });
    expect(parseMetricsAddress('0.0.0.0:9464')).toEqual({ host: '0.0.0.0', port: 9464 });
    expect(parseMetricsAddress('[::1]:0')).toEqual({ host: '::1', port: 0 });
    for (const wrong of ['', 'x', '70000', 'a b:1', 'http://a:1'])
      expect(() => parseMetricsAddress(wrong)).toThrow(expect.objectContaining({ code: 'CHM990' }));
  });
  it('that is taken is a coded error', async () => {
    await serve(() => []);
    const again = serveMetrics({ port: server!.port, snapshots: () => [], ready: () => true });
    await expect(again).rejects.toMatchObject({ code: 'CHM990', help: expect.stringContaining('another port') });
  });
  it('gives metrics of parts and of the process in one exposition, as they are at the moment', async () => {
    let cycles = 1;
    await serve(() => [snapshot({ cycles })]);
    const cyclesOf = async () =>
      parseExposition((await get('/metrics')).body).samples.get('chimera_part_cycles_total{part="s2.1",service="s2"}');
    expect(await cyclesOf()).toBe(1);
    cycles = 7;
    expect(await cyclesOf()).toBe(7);
    const { type, body } = await get('/metrics');
    expect(type).toMatch(/^text\/plain;.*version=0\.0\.4/);
    const { samples } = parseExposition(body);
    expect(samples.get('chimera_process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(samples.get('chimera_process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(samples.get('chimera_process_open_fds')).toBeGreaterThan(0);
  });
  it('serves readiness apart from health: a part that waits for its lease is well and not ready', async () => {
    let ready = false;
    await serve(() => [snapshot()], { ready: () => ({ ready, ...(ready ? {} : { reason: 's2.1 waits' }) }) });
    expect(await get('/ready')).toMatchObject({
      code: 503,
      body: JSON.stringify({ ready: false, reason: 's2.1 waits' }),
    });
    expect((await get('/health')).code).toBe(200);
    ready = true;
    expect(await get('/ready')).toMatchObject({ code: 200, body: JSON.stringify({ ready: true }) });
  });
  it('says with the health why it is not green, and fails when it is red', async () => {
    let part = snapshot();
    await serve(() => [part]);
    expect(JSON.parse((await get('/health')).body)).toMatchObject({ status: 'GREEN', reasons: [] });
    part = snapshot({ state: { code: 'CHM524', since: NOW - 1000 } });
    expect(await get('/health')).toMatchObject({ code: 200, body: expect.stringContaining('"code":"CHM524"') });
    part = snapshot({ state: { code: 'CHM524', since: NOW - 31_000 } });
    const red = await get('/health');
    expect([red.code, JSON.parse(red.body).status]).toEqual([503, 'RED']);
  });
  it('knows no other path and no other method', async () => {
    await serve(() => []);
    expect((await get('/')).code).toBe(404);
    expect((await fetch(`${server!.url}/health`, { method: 'POST' })).status).toBe(404);
  });
});

describe('health', () => {
  const statusOf = (more: Partial<PartSnapshot>) => healthOf([snapshot(), snapshot(more)], NOW);
  it('is the worst of all parts, each value by a cause that is stated', () => {
    expect(statusOf({}).status).toBe('GREEN');
    expect(statusOf({ lagUs: 5e6 }).status).toBe('GREEN');
    expect(statusOf({ lagUs: 6e6 })).toMatchObject({ status: 'YELLOW', reasons: [{ message: 'behind by 6.0 s' }] });
    expect(statusOf({ lagUs: 61e6 })).toMatchObject({ status: 'RED', reasons: [{ message: 'behind by 61 s' }] });
    expect(statusOf({ counters: { filtered: 9, late: 9, dead_lettered: 9, dropped: 1 } })).toMatchObject({
      status: 'YELLOW',
      reasons: [{ message: '1 inputs were dropped' }],
    });
    expect(statusOf({ state: { code: 'CHM528', since: NOW } })).toMatchObject({
      status: 'YELLOW',
      reasons: [{ code: 'CHM528' }],
    });
    expect(statusOf({ state: { code: 'CHM528', since: NOW - 30_001 }, lagUs: 6e6 })).toMatchObject({
      status: 'RED',
      reasons: [{ status: 'RED' }, { status: 'YELLOW' }],
    });
  });
  it('goes by the limits that it is given', () => {
    expect(healthOf([snapshot()], NOW, { lagYellowUs: 1 }).status).toBe('YELLOW');
    expect(healthOf([snapshot()], NOW, { lagYellowUs: 1, lagRedUs: 2 }).status).toBe('RED');
  });
});
