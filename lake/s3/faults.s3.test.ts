import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { S3Event, S3Options } from './s3-options.ts';
import { RETRY_MS } from './s3-options.ts';
import { S3Storage } from './s3-storage.ts';
import { type Fault, FaultProxy, type Seen } from './testing/fault-proxy.ts';
import { onMinio } from './testing/minio-suite.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array): string => Buffer.from(data).toString('utf8');
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

onMinio('S3 storage under faults', (suite) => {
  let proxy: FaultProxy;
  let direct: S3Storage;
  let address: string;
  beforeAll(async () => {
    proxy = await FaultProxy.start(suite.server.endpoint);
    direct = await suite.storage();
    address = `s3://${direct.bucket}/${direct.prefix}`;
  });
  afterAll(async () => {
    await proxy?.stop();
  });
  afterEach(() => {
    proxy.decide = () => 'pass';
    proxy.seen.length = 0;
  });
  const events: S3Event[] = [];
  const faulty = (more: Partial<S3Options> = {}): S3Storage => {
    events.length = 0;
    return new S3Storage(address, {
      ...suite.options({ onEvent: (e) => events.push(e), ...more }),
      endpoint: proxy.endpoint,
    });
  };
  /** The fault for the first requests that match, in turn; the others pass. */
  const faults = (match: (r: Seen) => boolean, ...list: Fault[]): void => {
    proxy.decide = (r) => (match(r) ? (list.shift() ?? 'pass') : 'pass');
  };
  const always = (match: (r: Seen) => boolean, fault: Fault): void => {
    proxy.decide = (r) => (match(r) ? fault : 'pass');
  };
  const putting = (r: Seen): boolean => r.method === 'PUT';
  const getting = (r: Seen): boolean => r.method === 'GET';
  const any = (): boolean => true;
  let files = 0;
  const file = (data: Uint8Array): string => {
    const path = join(suite.dir, `upload-${files++}`);
    writeFileSync(path, data);
    return path;
  };
  let names = 0;
  const fresh = (): string => `faults/${names++}`;

  describe('a store that cannot serve for a while', () => {
    it.each<[string, Fault]>([
      ['a connection cut before', 'cut-before'],
      ['a connection cut after', 'cut-after'],
      ['SlowDown', { status: 503, code: 'SlowDown' }],
      ['InternalError', { status: 500, code: 'InternalError' }],
      ['a gateway without a word', { status: 502 }],
      ['too many requests', { status: 429 }],
    ])('is asked again: %s the request was served', async (_, fault) => {
      const s = faulty();
      const at = fresh();
      faults(any, fault, fault);
      expect(await s.putIfAbsent(at, bytes('x'))).toBe(true);
      faults(any, fault, fault);
      expect(text(await s.get(at))).toBe('x');
      faults(any, fault);
      expect(await s.size(at)).toBe(1);
      faults(any, fault);
      expect(await s.list('faults')).toContain(at);
      faults(any, fault);
      await s.move(at, `${at}-moved`);
      faults(any, fault);
      await s.delete(`${at}-moved`);
      expect(await direct.size(at)).toBeUndefined();
      expect(await direct.size(`${at}-moved`)).toBeUndefined();
      // The schedule is fixed: the same waits for the same faults.
      const waits = events.map((e) => (e.kind === 'retry' ? e.delayMs : -1));
      expect(waits).toEqual([5, 10, 5, 10, 5, 5, 5, 5]);
      s.close();
    });

    it('tells a writer whose answer was lost that it won, and one that came second that it lost', async () => {
      const s = faulty();
      for (let round = 0; round < 3; round++) {
        const won = fresh();
        faults(putting, ...Array.from({ length: round + 1 }, (): Fault => 'cut-after'));
        expect(await s.putIfAbsent(won, bytes('the same'))).toBe(true);
        const lost = fresh();
        await direct.putIfAbsent(lost, bytes('the same'));
        faults(putting, ...Array.from({ length: round + 1 }, (): Fault => 'cut-after'));
        expect(await s.putIfAbsent(lost, bytes('the same'))).toBe(false);
      }
      s.close();
    });

    it('waits longer each time, always alike, for under a quarter of a minute in all', () => {
      expect(RETRY_MS.every((d, i) => i === 0 || d === 2 * RETRY_MS[i - 1]!)).toBe(true);
      expect(RETRY_MS.reduce((a, b) => a + b)).toBe(12_750);
    });

    it('is given up at the end of the schedule, with a code: unreachable', async () => {
      const s = faulty({ retryMs: [1, 1] });
      always(any, { status: 503, code: 'SlowDown' });
      await expect(s.get('x')).rejects.toMatchObject({ code: 'CHM640' });
      expect(proxy.seen).toHaveLength(3);
      s.close();
      const nobody = new S3Storage(address, { ...suite.options({ retryMs: [1] }), endpoint: 'http://127.0.0.1:9' });
      await expect(nobody.list('')).rejects.toMatchObject({ code: 'CHM640', where: { file: address } });
    });

    it('and says nothing at all, is not waited for longer than was said', async () => {
      const s = faulty({ retryMs: [1], timeoutMs: 100 });
      always(any, 'silence');
      await expect(s.size('x')).rejects.toMatchObject({ code: 'CHM640' });
      expect(proxy.seen).toHaveLength(2);
      s.close();
    });

    it('and stands still, is used again when it goes on', async () => {
      const s = faulty({ timeoutMs: 200 });
      suite.server.pause();
      const put = s.putIfAbsent(fresh(), bytes('x'));
      // By the second request the first one has timed out.
      while (proxy.seen.length < 2) await new Promise((done) => setTimeout(done, 5));
      suite.server.resume();
      expect(await put).toBe(true);
      s.close();
    });
  });

  describe('bytes that change on their way', () => {
    it('are refused by the store when they are sent, and sent again', async () => {
      const s = faulty();
      const at = fresh();
      faults(putting, 'flip-request');
      expect(await s.putIfAbsent(at, bytes('what was meant'))).toBe(true);
      expect(text(await direct.get(at))).toBe('what was meant');
      const data = randomBytes(1000);
      faults(putting, 'flip-request');
      await s.putFile(file(data), at);
      expect(sha256(await direct.get(at))).toBe(sha256(data));
      s.close();
    });
    it('every time, end in a code, and nothing of them is stored', async () => {
      const s = faulty();
      const at = fresh();
      always(putting, 'flip-request');
      await expect(s.putIfAbsent(at, bytes('what was meant'))).rejects.toMatchObject({ code: 'CHM643' });
      const path = file(randomBytes(1000));
      await expect(s.putFile(path, at)).rejects.toMatchObject({ code: 'CHM643' });
      expect(await direct.size(at)).toBeUndefined();
      expect(existsSync(path)).toBe(true);
      s.close();
    });
    it('in one part of a large upload are refused and sent again', async () => {
      const s = faulty();
      const at = fresh();
      const data = randomBytes(11 << 20);
      faults((r) => r.url.includes('partNumber=2'), 'flip-request');
      await s.putFile(file(data), at);
      expect(sha256(await direct.get(at))).toBe(sha256(data));
      s.close();
    });
    it('are noticed when they are read, and asked for again', async () => {
      const s = faulty();
      const at = fresh();
      const data = randomBytes(200_000);
      await direct.putFile(file(data), at);
      faults(getting, 'flip-answer', 'flip-answer');
      expect(sha256(await s.get(at))).toBe(sha256(data));
      faults(getting, 'flip-answer', 'flip-answer');
      const lent = await s.borrow(at);
      expect(sha256(await readFile(lent.path))).toBe(sha256(data));
      await lent.release();
      always(getting, 'flip-answer');
      await expect(s.get(at)).rejects.toMatchObject({ code: 'CHM643', where: { file: direct.url(at) } });
      await expect(s.borrow(at, { fresh: true })).rejects.toMatchObject({ code: 'CHM643' });
      s.close();
    });
    it('within the store, behind the back of everybody, are never handed out', async () => {
      const at = fresh();
      await direct.putFile(file(randomBytes(400_000)), at);
      // The server keeps a large object as a file of its own.
      const parts = join(suite.server.dir, direct.bucket, direct.prefix, at);
      const { readdirSync } = await import('node:fs');
      const part = readdirSync(parts, { recursive: true })
        .map(String)
        .find((n) => /part\.1$/.test(n))!;
      const stored = readFileSync(join(parts, part));
      stored[200_000]! ^= 4;
      writeFileSync(join(parts, part), stored);
      const quick = new S3Storage(address, suite.options({ retryMs: [1] }));
      await expect(quick.get(at)).rejects.toMatchObject({ code: expect.stringMatching(/^CHM64[03]$/) });
      await expect(quick.borrow(at)).rejects.toMatchObject({ code: expect.stringMatching(/^CHM64[03]$/) });
      quick.close();
    });
  });

  describe('a large upload', () => {
    const data = randomBytes(21 << 20);

    it('that was broken off goes on from the parts that are there, in another process too', async () => {
      const at = fresh();
      const cacheDir = join(suite.dir, 'resume');
      const first = faulty({ retryMs: [], cacheDir });
      let sent = 0;
      // Two parts pass; then the way is cut for good.
      proxy.decide = (r) => (r.url.includes('partNumber=') && ++sent > 2 ? 'cut-before' : 'pass');
      await expect(first.putFile(file(data), at)).rejects.toMatchObject({ code: 'CHM640' });
      expect(await direct.size(at)).toBeUndefined();
      first.close();
      proxy.decide = () => 'pass';
      const second = faulty({ cacheDir });
      await second.putFile(file(data), at);
      const parts = events.filter((e) => e.kind === 'part');
      expect(parts.filter((p) => p.kept)).toHaveLength(2);
      expect(parts).toHaveLength(5);
      expect(sha256(await direct.get(at))).toBe(sha256(data));
      second.close();
    });
    it('of another content under the same name takes nothing from the one that was broken off', async () => {
      const at = fresh();
      const cacheDir = join(suite.dir, 'resume-other');
      const first = faulty({ retryMs: [], cacheDir });
      always((r) => r.url.includes('partNumber=3'), 'cut-before');
      await expect(first.putFile(file(data), at)).rejects.toMatchObject({ code: 'CHM640' });
      first.close();
      proxy.decide = () => 'pass';
      const other = randomBytes(16 << 20);
      const second = faulty({ cacheDir });
      await second.putFile(file(other), at);
      expect(events.filter((e) => e.kind === 'part' && e.kept)).toEqual([]);
      expect(sha256(await direct.get(at))).toBe(sha256(other));
      second.close();
    });
    it('whose last answer was lost is there once, and a repetition sends nothing', async () => {
      const at = fresh();
      const s = faulty();
      faults((r) => r.method === 'POST' && r.url.includes('uploadId='), 'cut-after');
      await s.putFile(file(data), at);
      expect(sha256(await direct.get(at))).toBe(sha256(data));
      events.length = 0;
      await s.putFile(file(data), at);
      expect(events).toEqual([]);
      s.close();
    });
    it('that the store has forgotten begins anew', async () => {
      const at = fresh();
      const cacheDir = join(suite.dir, 'forgotten');
      const first = faulty({ retryMs: [], cacheDir });
      always((r) => r.url.includes('partNumber=4'), 'cut-before');
      await expect(first.putFile(file(data), at)).rejects.toMatchObject({ code: 'CHM640' });
      first.close();
      proxy.decide = () => 'pass';
      // It is known when it is listed, and gone when its next part comes.
      always((r) => r.url.includes('partNumber=4') && forgotten-- > 0, { status: 404, code: 'NoSuchUpload' });
      let forgotten = 1;
      const second = faulty({ cacheDir });
      await second.putFile(file(data), at);
      expect(sha256(await direct.get(at))).toBe(sha256(data));
      second.close();
    });
    it('into a server that is killed in the middle: nothing of it is there, and after the restart it goes on', async () => {
      const at = fresh();
      const cacheDir = join(suite.dir, 'killed');
      let parts = 0;
      let killed: Promise<void> | undefined;
      const first = new S3Storage(
        address,
        suite.options({
          retryMs: [],
          cacheDir,
          onEvent: (e) => {
            if (e.kind === 'part' && ++parts === 2) killed = suite.server.kill();
          },
        }),
      );
      const path = file(data);
      await expect(first.putFile(path, at)).rejects.toMatchObject({ code: 'CHM640' });
      await killed;
      first.close();
      await suite.server.start();
      expect(await direct.size(at)).toBeUndefined();
      expect(await direct.list(at.split('/')[0]!)).not.toContain(at);
      const kept: boolean[] = [];
      const second = new S3Storage(
        address,
        suite.options({ cacheDir, onEvent: (e) => void (e.kind === 'part' && kept.push(e.kept)) }),
      );
      await second.putFile(path, at);
      expect(kept).toHaveLength(5);
      expect(kept.filter(Boolean).length).toBeGreaterThanOrEqual(2);
      expect(sha256(await direct.get(at))).toBe(sha256(data));
      second.close();
    });
    it('goes through by itself when the server comes back in time', async () => {
      const at = fresh();
      let parts = 0;
      let back: Promise<void> | undefined;
      const s = new S3Storage(
        address,
        suite.options({
          retryMs: RETRY_MS,
          onEvent: (e) => {
            if (e.kind === 'part' && ++parts === 2) back = suite.server.kill().then(() => suite.server.start());
          },
        }),
      );
      await s.putFile(file(data), at);
      await back;
      expect(sha256(await direct.get(at))).toBe(sha256(data));
      s.close();
    });
  });

  describe('a download', () => {
    it('that breaks off goes on where it broke', async () => {
      const at = fresh();
      const data = randomBytes(4 << 20);
      await direct.putFile(file(data), at);
      const s = faulty();
      faults(getting, 'cut-answer', 'cut-answer');
      const lent = await s.borrow(at);
      expect(sha256(await readFile(lent.path))).toBe(sha256(data));
      await lent.release();
      const ranges = proxy.seen
        .filter(getting)
        .map((r) => Number(/bytes=(\d+)-/.exec(r.headers.range ?? '')?.[1] ?? 0));
      expect(ranges).toHaveLength(3);
      expect(ranges[0]).toBe(0);
      expect(ranges[1]).toBeGreaterThan(0);
      expect(ranges[2]).toBeGreaterThan(ranges[1]!);
      s.close();
    });
    it('of an object that is replaced meanwhile is one of the two, never a mixture', async () => {
      const at = fresh();
      const [a, b] = [randomBytes(2 << 20), randomBytes(2 << 20)];
      await direct.putFile(file(a), at);
      const s = faulty();
      let replaced = false;
      proxy.decide = async (r): Promise<Fault> => {
        if (!getting(r) || replaced) return 'pass';
        replaced = true;
        await direct.putFile(file(b), at);
        return 'pass';
      };
      const lent = await s.borrow(at);
      expect(sha256(await readFile(lent.path))).toBe(sha256(b));
      await lent.release();
      s.close();
    });
  });

  describe('who may not, or where nothing is', () => {
    const secret = 'a-secret-that-nobody-must-see';
    const shown = (e: unknown): string =>
      `${inspect(e, { depth: 9, showHidden: true })} ${JSON.stringify(e)} ${String(e)}`;

    it('is told so with a code, and no message holds a key [DEP.7]', async () => {
      const right = suite.server.access;
      const wrongs: [Partial<S3Options>, string][] = [
        [{ secretKey: secret }, 'CHM641'],
        [{ accessKey: 'nobody-knows-me', secretKey: secret }, 'CHM641'],
        [{ secretKey: secret, endpoint: 'http://127.0.0.1:9' }, 'CHM640'],
      ];
      for (const [wrong, code] of wrongs) {
        const s = new S3Storage(address, suite.options({ retryMs: [], ...wrong }));
        const path = file(randomBytes(10));
        const calls: (() => Promise<unknown>)[] = [
          () => s.list(''),
          () => s.get('x'),
          () => s.size('x'),
          () => s.putIfAbsent('x', bytes('x')),
          () => s.putFile(path, 'x'),
          () => s.delete('x'),
          () => s.move('x', 'y'),
          () => s.borrow('x'),
          () => s.ensureBucket(),
        ];
        for (const call of calls) {
          const e: unknown = await call().then(
            () => undefined,
            (x: unknown) => x,
          );
          expect(e).toMatchObject({ code });
          for (const key of [secret, 'nobody-knows-me', right.accessKey, right.secretKey])
            expect(shown(e)).not.toContain(key);
        }
        for (const key of [secret, right.secretKey]) expect(shown(s)).not.toContain(key);
        s.close();
      }
    });
    it('finds no bucket: an error for readers, and for writers unless they may make it', async () => {
      const missing = `s3://${suite.bucket()}/lake`;
      const s = new S3Storage(missing, suite.options());
      await expect(s.list('')).rejects.toMatchObject({ code: 'CHM642' });
      await expect(s.putIfAbsent('x', bytes('x'))).rejects.toMatchObject({ code: 'CHM642' });
      await expect(s.ensureBucket()).rejects.toMatchObject({ code: 'CHM642' });
      expect(await s.ensureBucket({ create: true })).toMatchObject({ created: true });
      expect(await s.ensureBucket({ create: true })).toMatchObject({ created: false });
      s.close();
    });
    it('finds no room: the code of a full disk, at once', async () => {
      const s = faulty();
      always(putting, { status: 507, code: 'XMinioStorageFull' });
      await expect(s.putIfAbsent(fresh(), bytes('x'))).rejects.toMatchObject({ code: 'CHM605' });
      expect(proxy.seen).toHaveLength(1);
      s.close();
    });
    it('finds a store that lets a second put pass: refused before anything is written to it', async () => {
      const s = faulty();
      proxy.decide = (r) => {
        delete r.headers['if-none-match'];
        return 'pass';
      };
      // Such a store would not have the header in its signature either: the answer is made up.
      always((r) => putting(r) && r.url.includes('_probe'), { status: 200 });
      await expect(s.ensureBucket()).rejects.toMatchObject({ code: 'CHM645' });
      s.close();
    });
  });

  describe('the rules of a bucket', () => {
    it('expire what was left behind, for each lake of the bucket, and are set again without harm', async () => {
      const bucket = suite.bucket();
      const one = new S3Storage(`s3://${bucket}/one`, suite.options());
      const two = new S3Storage(`s3://${bucket}/two`, suite.options());
      await one.ensureBucket({ create: true });
      // This server takes no rule for uploads: it removes those that are a day old by itself.
      expect(await two.ensureBucket({ stagingDays: 5 })).toEqual({ created: false, rules: 'staging' });
      expect(await one.ensureBucket()).toEqual({ created: false, rules: 'staging' });
      const rules = (await rulesOf(bucket)).sort((a, b) => (a.Filter.Prefix < b.Filter.Prefix ? -1 : 1));
      expect(rules.map((r) => [r.Status, r.Filter.Prefix, r.Expiration.Days])).toEqual([
        ['Enabled', 'one/_staging/', 2],
        ['Enabled', 'two/_staging/', 5],
      ]);
      one.close();
      two.close();
    });
    it('of others are left as they are', async () => {
      const bucket = suite.bucket();
      const api = await client();
      await api.makeBucket(bucket);
      const theirs = { ID: 'theirs', Status: 'Enabled', Filter: { Prefix: 'logs/' }, Expiration: { Days: 3 } };
      await api.setBucketLifecycle(bucket, { Rule: [theirs] } as never);
      const s = new S3Storage(`s3://${bucket}/lake`, suite.options());
      expect(await s.ensureBucket()).toEqual({ created: false, rules: 'foreign' });
      expect(await rulesOf(bucket)).toEqual([theirs]);
      s.close();
    });
    it('leave versioning as it is, and a versioned bucket serves as well', async () => {
      const s = await suite.storage();
      const api = await client();
      await api.setBucketVersioning(s.bucket, { Status: 'Enabled' });
      await s.ensureBucket();
      expect(await api.getBucketVersioning(s.bucket)).toMatchObject({ Status: 'Enabled' });
      expect(await s.putIfAbsent('x', bytes('1'))).toBe(true);
      await s.delete('x');
      expect(await s.list('')).not.toContain('x');
      expect(await s.putIfAbsent('x', bytes('2'))).toBe(true);
      expect(await s.putIfAbsent('x', bytes('3'))).toBe(false);
      expect(text(await s.get('x'))).toBe('2');
    });

    interface Rule {
      ID: string;
      Status: string;
      Filter: { Prefix: string };
      Expiration: { Days: number };
    }
    async function client() {
      const { Client } = await import('minio');
      const at = new URL(suite.server.endpoint);
      const { accessKey, secretKey } = suite.server.access;
      return new Client({ endPoint: at.hostname, port: Number(at.port), useSSL: false, accessKey, secretKey });
    }
    async function rulesOf(bucket: string): Promise<Rule[]> {
      return [(await (await client()).getBucketLifecycle(bucket))?.Rule ?? []].flat() as unknown as Rule[];
    }
  });
});

describe('the proxy of these tests', () => {
  it('is itself checked: without faults nothing changes on the way', async () => {
    const { createServer } = await import('node:http');
    const dir = mkdtempSync(join(tmpdir(), 'proxy-'));
    const echo = createServer((req, res) => req.pipe(res));
    await new Promise<void>((ready) => echo.listen(0, '127.0.0.1', ready));
    const proxy = await FaultProxy.start(`http://127.0.0.1:${(echo.address() as { port: number }).port}`);
    const body = randomBytes(10_000);
    const send = async (): Promise<Buffer> =>
      Buffer.from(await (await fetch(`${proxy.endpoint}/x`, { method: 'PUT', body })).arrayBuffer());
    expect(body.equals(await send())).toBe(true);
    proxy.decide = () => 'flip-request';
    expect(body.equals(await send())).toBe(false);
    proxy.decide = () => 'cut-after';
    await expect(send()).rejects.toThrow();
    await proxy.stop();
    await new Promise((done) => echo.close(done));
    rmSync(dir, { recursive: true, force: true });
  });
});
