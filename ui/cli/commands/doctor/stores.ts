import { randomUUID } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { ChimeraError } from '../../../../graph/schema/index.ts';
import { isS3Address } from '../../../../lake/s3/s3-options.ts';
import type { Io } from '../../io.ts';
import { arangoPassword, s3Access } from '../../secrets.ts';
import { type Check, failed, failure, good, warning } from './check.ts';
import { folderChecks } from './machine.ts';

const HELP_DATABASE = 'the first run makes it, when its user has the right to on _system; or make it beforehand';

/** The database server of a run: it answers, is new enough, and takes user and password. Nothing is made in it. */
export async function storeChecks(address: string, env: Io['env']): Promise<Check[]> {
  const name = 'store arango';
  if (!address.startsWith('arango:'))
    return [
      failure(name, 'CHM854', 'is no address of a database server', 'write arango:http://user@host:8529/database'),
    ];
  try {
    const { probeArango } = await import('../../../../sinks/store/index.ts');
    const version = await probeArango(address, { passwordFrom: () => arangoPassword(env), timeoutMs: 5000 });
    return [good(name, `ArangoDB ${version}`)];
  } catch (e) {
    // The server's own number for a database that does not exist.
    if (e instanceof ChimeraError && e.message.endsWith('(1228)'))
      return [warning(name, e.code, 'the server answers; the database is not there yet', HELP_DATABASE)];
    return [failed(name, e, 'CHM862', 'check user, password and database of the address')];
  }
}

/** A lake: a folder with its room, or a bucket that refuses a second put. */
export async function lakeChecks(address: string, env: Io['env']): Promise<Check[]> {
  if (isS3Address(address)) return s3Checks(address, env);
  return [await lakeReadable(address), ...folderChecks(address, 'lake')];
}
async function lakeReadable(dir: string): Promise<Check> {
  try {
    accessSync(dir, constants.R_OK);
    const { listLake } = await import('../../../../lake/inspect.ts');
    return good('lake', datasets(await listLake(dir)));
  } catch (e) {
    return failed('lake', e, 'CHM601', 'name a folder that `chimera lake import` or a capture has written');
  }
}
const datasets = (lake: { datasets: readonly { rows: number }[] }): string =>
  `${lake.datasets.length} datasets, ${lake.datasets.reduce((a, d) => a + d.rows, 0)} rows`;

async function s3Checks(address: string, env: Io['env']): Promise<Check[]> {
  const checks: Check[] = [];
  try {
    const { S3Storage } = await import('../../../../lake/s3/s3-storage.ts');
    const storage = new S3Storage(address, { ...s3Access(env), retryMs: [100], timeoutMs: 5000 });
    try {
      const names = await storage.list('_probe');
      checks.push(good('lake bucket', `${address} can be listed${names.length > 0 ? `, ${names.length} probes` : ''}`));
      checks.push(await refusesSecondPut(storage));
    } finally {
      storage.close();
    }
  } catch (e) {
    const help = 'check CHIMERA_S3_ENDPOINT, CHIMERA_S3_ACCESS_KEY and CHIMERA_S3_SECRET_KEY';
    checks.push(failed('lake bucket', e, 'CHM640', help));
  }
  return checks;
}
/** A store that lets a second put pass would let two writers commit over each other. */
async function refusesSecondPut(storage: {
  putIfAbsent(name: string, data: Uint8Array): Promise<boolean>;
  delete(name: string): Promise<void>;
}): Promise<Check> {
  const probe = `_probe/doctor-${randomUUID()}`;
  const body = Buffer.from('The second put of this object must be refused.\n');
  try {
    await storage.putIfAbsent(probe, body);
    const twice = await storage.putIfAbsent(probe, body);
    if (!twice) return good('lake put-if-absent', 'a second put is refused');
    const help = 'use a store that honours If-None-Match: * (MinIO, S3), or a local folder';
    return failure('lake put-if-absent', 'CHM645', 'a second put replaces the first', help);
  } catch (e) {
    return failed('lake put-if-absent', e, 'CHM641', 'the key needs the right to put and delete objects');
  } finally {
    await storage.delete(probe).catch(() => undefined);
  }
}
