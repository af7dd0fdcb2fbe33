import { createHash } from 'node:crypto';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ChimeraError } from '../../graph/schema/index.ts';
import { type Borrowed, hashFile, type ObjectStorage } from '../../lake/storage.ts';

/** What an artifact is called: `model` of run `2026-03-01-a` named `model.onnx`; `report` of a trade's id named `report.md`. */
export interface ArtifactName {
  /** `model`, `dataset`, `report`, `chart`, `export`, `backup` … */
  kind: string;
  /** Of what it is: a run, a trade, a dataset. */
  id: string;
  /** File name. */
  name: string;
}
/** One version of an artifact. Immutable. */
export interface Artifact extends ArtifactName {
  /** From 1. */
  version: number;
  sha256: string;
  bytes: number;
  media_type: string;
}
export interface ArtifactProblem {
  code: string;
  artifact: Artifact;
  message: string;
}

const MEDIA: Readonly<Record<string, string>> = {
  md: 'text/markdown; charset=utf-8',
  json: 'application/json',
  csv: 'text/csv; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
  parquet: 'application/vnd.apache.parquet',
};

/**
 * Models, data sets, reports, charts, exports and backups in an object store (MinIO, S3, or a folder). Content lies once
 * under its hash; versions of a name point to it.
 *
 * `artifacts/sha256/<2 digits>/<hash>` content · `artifacts/index/<kind>/<id>/<name>/<version>.json` versions
 *
 * Nothing in a version depends on when it was put: a repeated run puts the same and changes nothing. A crash between
 * content and version leaves content that nobody names, which the repetition uses. Errors: those of the store, CHM646–648.
 */
export class ArtifactStore {
  readonly #storage: ObjectStorage;
  constructor(storage: ObjectStorage) {
    this.#storage = storage;
  }

  /** The new version, or the newest one when that is the same content. `file` stays where it is. */
  async put(what: ArtifactName, content: Uint8Array | { readonly file: string }): Promise<Artifact> {
    const folder = versionsOf(what);
    const { sha256, bytes } =
      content instanceof Uint8Array ? await this.#bytes(content) : await this.#file(content.file);
    for (;;) {
      const before = await this.#newest(folder);
      if (before?.sha256 === sha256) return before;
      const version = (before?.version ?? 0) + 1;
      const { kind, id, name } = what;
      const artifact: Artifact = { kind, id, name, version, sha256, bytes, media_type: mediaType(name) };
      const text = Buffer.from(`${JSON.stringify(artifact, null, 1)}\n`);
      // Somebody else may have put this number meanwhile: then ours is the next one, or is theirs.
      if (await this.#storage.putIfAbsent(`${folder}/${versionFile(version)}`, text)) return artifact;
    }
  }

  /** All versions, oldest first, of everything, of one kind, or of one id. */
  async list(of: Partial<ArtifactName> = {}): Promise<Artifact[]> {
    const at = [INDEX, ...[of.kind, of.id, of.name].map((p) => (p === undefined ? undefined : encode(p)))];
    const known = at.slice(0, at.includes(undefined) ? at.indexOf(undefined) : at.length);
    const found: Artifact[] = [];
    for (const path of await this.#storage.list(known.join('/'))) {
      const a = await this.#read(path);
      if ((['kind', 'id', 'name'] as const).every((k) => of[k] === undefined || of[k] === a[k])) found.push(a);
    }
    return found;
  }

  /** One version; the newest by default. Errors: CHM646. */
  async find(what: ArtifactName, version?: number): Promise<Artifact> {
    const folder = versionsOf(what);
    const path = version === undefined ? undefined : `${folder}/${versionFile(version)}`;
    const found = path
      ? (await this.#storage.size(path)) !== undefined && (await this.#read(path))
      : await this.#newest(folder);
    if (found) return found;
    const { kind, id, name } = what;
    const which = version === undefined ? '' : ` version ${version}`;
    throw new ChimeraError('CHM646', `there is no ${kind} "${name}" of "${id}"${which}`, {
      help: 'list what there is, or put it first',
    });
  }

  /** The content, verified. Errors: CHM647. */
  async get(artifact: Artifact): Promise<Uint8Array> {
    const path = contentPath(artifact.sha256);
    const data = await this.#storage.get(path).catch((e: unknown) => {
      throw this.#lost(e, artifact);
    });
    check(artifact, hashOf(data), data.length, this.#storage.url(path));
    return data;
  }

  /** The content as a local file, verified, until it is given back: for DuckDB, for a model's runtime. Errors: CHM647. */
  async borrow(artifact: Artifact, options: { fresh?: boolean } = {}): Promise<Borrowed> {
    const path = contentPath(artifact.sha256);
    const lent = await this.#storage.borrow(path, options).catch((e: unknown) => {
      throw this.#lost(e, artifact);
    });
    try {
      const { sha256, bytes } = await hashFile(lent.path);
      check(artifact, sha256, bytes, this.#storage.url(path));
      return lent;
    } catch (e) {
      await lent.release();
      throw e;
    }
  }

  /** Writes the content to a file of its own: restoring a backup. The file appears whole, or not at all. */
  async restore(artifact: Artifact, to: string): Promise<void> {
    const lent = await this.borrow(artifact, { fresh: true });
    const temp = `${to}.${process.pid}.part`;
    try {
      await mkdir(dirname(to), { recursive: true });
      await copyFile(lent.path, temp);
      await rename(temp, to);
    } finally {
      await rm(temp, { force: true });
      await lent.release();
    }
  }

  /** Reads every content that a version names, as the store holds it now. All problems at once. */
  async verify(of: Partial<ArtifactName> = {}): Promise<{ versions: number; problems: ArtifactProblem[] }> {
    const all = await this.list(of);
    const problems: ArtifactProblem[] = [];
    for (const artifact of all) {
      try {
        await (await this.borrow(artifact, { fresh: true })).release();
      } catch (e) {
        if (!(e instanceof ChimeraError) || !/^CHM6(43|47)$/.test(e.code)) throw e;
        problems.push({ code: e.code, artifact, message: e.message });
      }
    }
    return { versions: all.length, problems };
  }

  async #bytes(data: Uint8Array): Promise<{ sha256: string; bytes: number }> {
    const sha256 = hashOf(data);
    await this.#storage.putIfAbsent(contentPath(sha256), data);
    return { sha256, bytes: data.length };
  }
  async #file(file: string): Promise<{ sha256: string; bytes: number }> {
    // Its own copy: what is hashed is what is put, whatever happens to the file meanwhile.
    const name = `artifacts-${process.pid}-${++copies}`;
    const copy = `${await this.#storage.staging(name)}/content`;
    try {
      await copyFile(file, copy);
      const found = await hashFile(copy);
      const path = contentPath(found.sha256);
      if ((await this.#storage.size(path)) !== found.bytes) await this.#storage.putFile(copy, path);
      return found;
    } finally {
      await this.#storage.clearStaging(name);
    }
  }

  async #newest(folder: string): Promise<Artifact | undefined> {
    const last = (await this.#storage.list(folder)).at(-1);
    return last === undefined ? undefined : this.#read(last);
  }
  async #read(path: string): Promise<Artifact> {
    return JSON.parse(Buffer.from(await this.#storage.get(path)).toString('utf8')) as Artifact;
  }
  #lost(e: unknown, artifact: Artifact): unknown {
    if (!(e instanceof ChimeraError) || e.code !== 'CHM609') return e;
    return damaged(artifact, this.#storage.url(contentPath(artifact.sha256)), 'its content is missing', e);
  }
}

let copies = 0;
const INDEX = 'artifacts/index';
const contentPath = (sha256: string): string => `artifacts/sha256/${sha256.slice(0, 2)}/${sha256}`;
const versionFile = (version: number): string => `${String(version).padStart(8, '0')}.json`;
/** One path segment, whatever the text; `.` and `..` would be folders. */
const encode = (part: string): string => encodeURIComponent(part).replace(/^\.+$/, (dots) => '%2E'.repeat(dots.length));

function versionsOf({ kind, id, name }: ArtifactName): string {
  const bad = !/^[A-Za-z][\w-]{0,40}$/.test(kind) ? 'kind' : !fits(id) ? 'id' : !fits(name) ? 'name' : undefined;
  if (bad)
    throw new ChimeraError('CHM648', `the ${bad} of an artifact cannot be ${JSON.stringify({ kind, id, name }[bad])}`, {
      field: bad,
      help: 'a kind is a short word; ids and names have 1 to 200 characters',
    });
  return `${INDEX}/${encode(kind)}/${encode(id)}/${encode(name)}`;
}
const fits = (text: string): boolean => text.length > 0 && text.length <= 200 && !/\p{Surrogate}/u.test(text);
const mediaType = (name: string): string =>
  MEDIA[name.slice(name.lastIndexOf('.') + 1).toLowerCase()] ?? 'application/octet-stream';
const hashOf = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

function check(artifact: Artifact, sha256: string, bytes: number, url: string): void {
  if (sha256 !== artifact.sha256 || bytes !== artifact.bytes)
    throw damaged(artifact, url, `it has ${bytes} bytes with hash ${sha256.slice(0, 12)}…`);
}
function damaged(a: Artifact, file: string, why: string, cause?: unknown): ChimeraError {
  return new ChimeraError('CHM647', `${a.kind} "${a.name}" of "${a.id}" version ${a.version} is damaged: ${why}`, {
    file,
    cause,
    help: 'restore the object from a backup, or make the artifact again',
  });
}
