import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ArangoDouble } from '../../sinks/store/arango/double/arango-double.ts';
import { openArangoStore } from '../../sinks/store/index.ts';
import { synthetic } from '../run/testing/trend.ts';
import { chimera as run, type Said } from './testing/said.ts';

const dir = mkdtempSync(join(tmpdir(), 'chimera-stores-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const PASSWORD = 'correct horse';
let double: ArangoDouble;
let n = 0;
beforeAll(async () => {
  double = await ArangoDouble.start({ users: { trader: { password: PASSWORD, rights: { '*': 'rw' } } } });
  writeFileSync(join(dir, 'seconds.yaml'), synthetic('', '12s'));
});
afterAll(() => double.stop());
const address = (name = `cli${n++}`) => `arango:http://trader@${double.url.slice('http://'.length)}/${name}`;
const count = async (at: string): Promise<number> => {
  const store = await openArangoStore(at, { passwordFrom: () => PASSWORD, alone: true });
  const found = await store.count('fills');
  await store.close();
  return found;
};

async function chimera(argv: string[], env: Record<string, string> = {}): Promise<Said> {
  const said = await run(argv, env);
  // Whatever happens, nothing that is said holds a secret.
  expect(said.out + said.err).not.toMatch(/correct horse|geheim/);
  return said;
}
const TREND = ['pipelines/trend.yaml', '--set', 'preset=recording', '--set', 'interval=1s', '--json'];
const trend = (command: string, more: string[], env: Record<string, string> = {}) =>
  chimera([command, ...TREND, '--profile', join(dir, 'seconds.yaml'), ...more], env);
const errorOf = (r: { out: string }) => (JSON.parse(r.out) as { error: { code: string; help: string } }).error;

describe('stores that the command line and the environment name', () => {
  it.each([
    ['run', ['--store', '--keep-journal', 's3://bucket/prefix', 'CHIMERA_STORE']],
    ['replay', ['--store', 's3://bucket/prefix']],
    ['backtest', ['--store', 's3://bucket/prefix']],
    ['parity', ['--store']],
    ['lake import', ['s3://bucket/prefix']],
    ['lake sql', ['s3://bucket/prefix']],
  ])('are in the help of %s', async (command, words) => {
    const { code, out } = await chimera([...command.split(' '), '--help']);
    expect(code).toBe(0);
    for (const w of words) expect(out).toContain(w);
  });

  it('take the documents of a run; the password comes from the environment, or from a file', async () => {
    const [byOption, byName, byFile] = [address(), address(), join(dir, 'password')];
    const env = { CHIMERA_ARANGO_PASSWORD: PASSWORD };
    expect(await trend('run', ['--store', byOption], env)).toMatchObject({ code: 0, err: '' });
    const fills = await count(byOption);
    expect(fills).toBeGreaterThan(5);

    writeFileSync(byFile, `${PASSWORD}\n`, { mode: 0o600 });
    const file = { CHIMERA_ARANGO_PASSWORD_FILE: byFile };
    expect(await trend('run', [], { ...file, CHIMERA_STORE: byName })).toMatchObject({ code: 0 });
    expect(await count(byName)).toBe(fills);
    chmodSync(byFile, 0o666);
    const open = await trend('run', ['--store', address()], file);
    expect([open.code, errorOf(open).code]).toEqual([2, 'CHM910']);
  });

  it('are overridden by `--store embedded`, and a backtest begins anew in one each time', async () => {
    const at = address();
    const env = { CHIMERA_ARANGO_PASSWORD: PASSWORD, CHIMERA_STORE: at };
    const state = join(dir, 'state');
    expect(await trend('run', ['--store', 'embedded', '--state', state], env)).toMatchObject({ code: 0 });
    expect(await count(at)).toBe(0);
    const reports = [await trend('backtest', [], env), await trend('backtest', [], env)];
    const [one, two] = reports.map(
      (r) => JSON.parse(r.out) as { events: number; trades: number; final_balance: number },
    );
    expect(one!.events).toBeGreaterThan(1000);
    expect(two).toMatchObject({ events: one!.events, trades: one!.trades, final_balance: one!.final_balance });
    expect(await count(at)).toBeGreaterThan(5);
  });

  it('are refused with a code that says what to do', async () => {
    const host = double.url.slice('http://'.length);
    const right = { CHIMERA_ARANGO_PASSWORD: PASSWORD };
    const cases: [string, string[], Record<string, string>][] = [
      ['CHM854', ['--store', 'db.example'], right],
      ['CHM854', ['--store', 'postgres://trader@db.example/trend'], right],
      ['CHM854', ['--store', `arango:http://trader:geheim@${host}/trend`], {}],
      ['CHM856', ['--store', address()], { CHIMERA_ARANGO_PASSWORD: 'geheim' }],
      ['CHM856', ['--store', address()], {}],
      ['CHM946', ['--store', address(), '--pace', '10'], right],
      ['CHM644', ['--capture', 's3://lake/x'], {}],
      ['CHM644', ['--capture', 's3:lake/x'], {}],
      [
        'CHM644',
        ['--capture', 's3://lake/x'],
        { CHIMERA_S3_ENDPOINT: 'here', CHIMERA_S3_ACCESS_KEY: 'a', CHIMERA_S3_SECRET_KEY: 'geheim' },
      ],
    ];
    for (const [code, more, env] of cases) {
      const refused = await trend('run', more, env);
      const error = errorOf(refused);
      expect([error.code, more.at(-1)]).toEqual([code, more.at(-1)]);
      expect(error.help).toMatch(/\w/);
      expect(refused.code).toBe(2);
    }
  });
});
