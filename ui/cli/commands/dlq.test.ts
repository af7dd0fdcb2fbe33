import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { FanOut, type FanOutOptions } from '../../../graph/bus/redis/fan-out.ts';
import { openRedisBus, type RedisBus } from '../../../graph/bus/redis/open-redis-bus.ts';
import { noRedis, startRedis, type TestRedis } from '../../../graph/bus/redis/testing/redis-server.ts';
import { cutGraph } from '../../../graph/cut/cut.ts';
import { runPart } from '../../../graph/cut/part-run.ts';
import { loadPipeline } from '../../../graph/document/load.ts';
import { loadTests } from '../../../graph/document/tests.ts';
import { runTest } from '../../../graph/pipeline-test/run-test.ts';
import { createPlan } from '../../../graph/plan/plan.ts';
import { registry } from '../registry.ts';
import { chimera as run, type Said } from '../testing/said.ts';

const dir = mkdtempSync(join(tmpdir(), 'chimera-dlq-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const at = (file: string) => join(dir, file);

const chimera = (...argv: string[]): Promise<Said> => run(argv);
const json = (said: Said): Record<string, unknown> & { letters: Record<string, unknown>[] } => JSON.parse(said.out);

describe('chimera dlq', () => {
  it('shows examples with each of its commands', async () => {
    for (const c of ['ls', 'show', 'replay', 'export-test']) {
      const { code, out } = await chimera('dlq', c, '--help');
      expect(code).toBe(0);
      expect(out).toContain(`$ npx chimera dlq ${c}`);
      expect(out).toContain('--json');
    }
  });
  it('asks for what it needs, and shows no password of an address', async () => {
    expect(await chimera('dlq', 'ls')).toMatchObject({ code: 2, err: expect.stringContaining('--bus redis://') });
    expect(await chimera('dlq', 'replay', '--bus', 'redis://127.0.0.1:1')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--all'),
    });
    const secret = await chimera('dlq', 'ls', '--bus', 'redis://me:hunter2@127.0.0.1:x', '--json');
    expect(secret.code).toBe(2);
    expect(secret.out + secret.err).not.toContain('hunter2');
    writeFileSync(at('other.json'), '{}');
    expect(await chimera('dlq', 'show', at('other.json'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('CHM988'),
    });
    expect((await chimera('dlq', 'show', at('none.json'))).code).toBe(2);
  });
});

describe.skipIf(noRedis)(`dead letters on a real Redis${noRedis ? ` (${noRedis})` : ''}`, () => {
  let redis: TestRedis;
  let bus: RedisBus;
  let ended: AbortController;
  const running: Promise<void>[] = [];
  const prefix = 'q:';
  const stream = 's1.0:events:{usdm:ABC}';
  const where = () => ['--bus', redis.url, '--prefix', 'q'];
  const text = `chimera: 1
pipeline: small
nodes:
  market: { type: source.market, with: { streams: [candle] } }
  fast: { type: feature.ema, in: market.candle.close, each: instrument, with: { period: 3 } }
services: { s1: [market], s2: [fast] }
`;
  const load = () => loadPipeline(text, at('small.yaml'), registry);

  beforeAll(async () => {
    writeFileSync(at('small.yaml'), text);
    writeFileSync(
      at('ABC.csv'),
      `open_time,open,high,low,close,volume\n${Array.from({ length: 20 }, (_, i) => `${1_700_000_000_000 + i * 60_000},100.25,${101 + i},99,100.5,1.5\n`).join('')}`,
    );
    redis = await startRedis();
  });
  afterAll(() => redis?.close());
  beforeEach(async () => {
    ended = new AbortController();
    bus = await openRedisBus(redis.url, { prefix });
    await bus.connection.client.flushall();
  });
  afterEach(async () => {
    ended.abort();
    await Promise.all(running.splice(0));
    await bus.close();
  });
  /** The part with the source, on this bus: what it sends lies in its streams. */
  async function produce(): Promise<void> {
    const cut = cutGraph(createPlan(load().pipeline!));
    const part = cut.parts.find((p) => p.service === 's1')!;
    const naming = { prefix: '', pipeline: cut.plan.pipeline.name };
    await runPart({ cut, part, bus, naming, holder: 'test', inputs: [at('ABC.csv')] });
  }
  function consume(more: Partial<FanOutOptions<Buffer>> = {}): FanOut<Buffer> {
    const group = new FanOut<Buffer>(bus, {
      stream,
      group: 's9',
      consumer: 'c1',
      decode: (b) => b,
      handle: () => {
        throw new Error('no such column');
      },
      maxDeliveries: 1,
      signal: ended.signal,
      ...more,
    });
    running.push(group.run());
    return group;
  }
  const lettersOf = async (): Promise<Record<string, unknown>[]> =>
    json(await chimera('dlq', 'ls', ...where(), '--json')).letters;
  const someLetters = () =>
    vi.waitFor(async () => {
      const letters = await lettersOf();
      expect(letters.length).toBeGreaterThan(0);
      return letters;
    });

  it('are listed, shown with their records, and become a pipeline test that passes', async () => {
    await produce();
    consume();
    const [letter] = await someLetters();
    const id = String(letter!['id']);
    expect(letter).toMatchObject({ reason: 'failed', error: 'no such column', group: 's9', stream });
    expect((await chimera('dlq', 'ls', ...where())).out).toContain(id);

    const pipeline = ['--pipeline', at('small.yaml')];
    const shown = json(await chimera('dlq', 'show', id, ...where(), ...pipeline, '--json'));
    const rows = shown['rows'] as { node: string; key: string; t: number; values: Record<string, unknown> }[];
    expect(rows).toHaveLength(20);
    // 100.25 has two decimals: exact amounts come back as they were in the file.
    expect(rows[3]).toMatchObject({
      node: 'market',
      port: 'candle',
      key: 'usdm:ABC',
      values: { open: '100.25', high: '104', close: '100.5', volume: '1.5' },
    });
    const plain = await chimera('dlq', 'show', id, ...where());
    expect(plain.out).toContain('no such column');
    expect(plain.out).toMatch(/^000000 {2}[0-9a-f]{2} 00 48 43 /m);

    const file = at('small.test.yaml');
    const exported = json(await chimera('dlq', 'export-test', id, ...where(), ...pipeline, '--to', file, '--json'));
    expect(exported).toMatchObject({ ok: true, kind: 'test', records: 20, file });
    const loaded = loadTests(readFileSync(file, 'utf8'), file, load().pipeline!);
    expect(loaded.diagnostics).toEqual([]);
    const result = await runTest(loaded.tests[0]!, { load });
    expect(result.failures).toEqual([]);
    // The same as the part of the embedded run would see: the closes, at their times.
    expect(loaded.tests[0]!.given.map((g) => g.atUs)).toEqual(rows.map((r) => r.t));
    expect((await chimera('dlq', 'export-test', id, ...where(), ...pipeline, '--to', file)).code).toBe(2);
    rmSync(file);
  });

  it('that cannot be decoded become a fixture, which shows the same error without a server', async () => {
    await bus.connection.client.xadd(`${prefix}${stream}`, '1-0', 'p', '0', 'b', Buffer.from([1, 2, 3, 255]));
    consume({
      decode: () => {
        throw new Error('its format is unknown');
      },
    });
    const [letter] = await someLetters();
    const id = String(letter!['id']);
    const pipeline = ['--pipeline', at('small.yaml')];
    const file = at('entry.json');
    const exported = await chimera('dlq', 'export-test', id, ...where(), ...pipeline, '--to', file);
    expect(exported).toMatchObject({ code: 0, err: expect.stringContaining('CHM513') });
    const shown = await chimera('dlq', 'show', file, ...pipeline, '--json');
    expect(shown.code).toBe(1);
    expect(json(shown)).toMatchObject({
      ok: false,
      reason: 'undecodable',
      error: 'its format is unknown',
      payload_base64: 'AQID/w==',
      problem: { code: 'CHM513' },
    });
    rmSync(file);
  });

  it('go back to their group with replay, once, after the cause was removed [STO.32]', async () => {
    await produce();
    let broken = true;
    const handled: number[] = [];
    consume({
      handle: (b) => {
        if (broken) throw new Error('not yet');
        handled.push(b.length);
      },
    });
    const letters = await someLetters();
    broken = false;
    const id = String(letters[0]!['id']);
    const done = await chimera('dlq', 'replay', id, ...where(), '--json');
    expect([done.code, json(done).letters]).toEqual([0, [expect.objectContaining({ id, replayed: true })]]);
    await vi.waitFor(() => expect(handled).toEqual([letters[0]!['bytes']]));
    expect(await lettersOf()).toHaveLength(letters.length - 1);
    expect(await chimera('dlq', 'replay', id, ...where())).toMatchObject({
      code: 1,
      err: expect.stringContaining('CHM988'),
    });
    const all = await chimera('dlq', 'replay', '--all', ...where(), '--json');
    expect(all.code).toBe(0);
    expect(await lettersOf()).toEqual([]);
  });

  it('without a payload stay where they are, and say why', async () => {
    const { client } = bus.connection;
    const group = consume();
    await client.xadd(
      group.deadLetters.key,
      '5-1',
      ...['reason', 'trimmed', 'error', '', 'time', '7', 'stream', stream, 'group', 's9', 'id', '3-0'],
    );
    const done = await chimera('dlq', 'replay', '--all', ...where());
    expect(done).toMatchObject({ code: 1, out: expect.stringContaining('replay the journal of its source') });
    expect(await lettersOf()).toMatchObject([{ id: '5-1', reason: 'trimmed', bytes: null }]);
  });

  it('of one id in two places need the place', async () => {
    const { client } = bus.connection;
    for (const key of ['a', 'b'])
      await client.xadd(
        bus.keys.deadLetters(key, stream),
        '9-0',
        ...['reason', 'failed', 'error', 'x', 'time', '7', 'stream', stream, 'group', key, 'id', '3-0', 'b', 'yz'],
      );
    const both = await chimera('dlq', 'show', '9-0', ...where());
    expect(both.err).toMatch(/CHM988 there are 2 dead letters 9-0/);
    const place = bus.keys.deadLetters('b', stream);
    expect(both.err).toContain(`--place ${place}`);
    expect(json(await chimera('dlq', 'show', '9-0', ...where(), '--place', place, '--json'))['group']).toBe('b');
    const elsewhere = await chimera('dlq', 'ls', ...where(), '--place', 'dlq:none:{x}');
    expect(elsewhere).toMatchObject({ code: 1, err: expect.stringContaining('CHM988') });
    expect(existsSync(at('none'))).toBe(false);
  });
});
