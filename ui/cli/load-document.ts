import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { formatDiagnostics } from '../../graph/document/format.ts';
import { pipelineReader } from '../../graph/document/load.ts';
import type { Loaded, Pipeline } from '../../graph/document/types.ts';
import { ChimeraError } from '../../graph/schema/index.ts';
import type { GraphDocument } from '../run/graphs.ts';
import type { Context } from './context.ts';
import { type PipelineOptions, pairs } from './options.ts';
import { registry } from './registry.ts';

export interface LoadedFile extends Loaded {
  /** Texts of all files that findings may point into. */
  sources: Map<string, string>;
}

/** Reads a pipeline with its profile and parameters; findings are returned, not thrown. */
export function loadFile(file: string, options: PipelineOptions): LoadedFile {
  return fileReader(file, options)(options.set);
}

/** `loadFile` for many sets of parameters: the files are read and parsed once. */
export function fileReader(file: string, options: PipelineOptions): (set: PipelineOptions['set']) => LoadedFile {
  const text = readText(file);
  const sources = new Map([[file, text]]);
  let profile: { text: string; file: string } | undefined;
  if (options.profile !== undefined) {
    const path = profilePath(options.profile, file);
    profile = { file: path, text: readText(path) };
    sources.set(path, profile.text);
  }
  const read = pipelineReader(text, file, registry);
  return (set) => {
    const sets = pairs(set, '--set');
    const loaded = read({ sets, ...(profile ? { profile } : {}) });
    if (loaded.pipeline) documents.set(loaded.pipeline, { file, text, sets, ...(profile ? { profile } : {}) });
    return { ...loaded, sources };
  };
}
const documents = new WeakMap<Pipeline, GraphDocument>();

/** What a pipeline was read from here: a run keeps it, so that its graph can be read again. */
export function documentOf(pipeline: Pipeline): { document?: GraphDocument } {
  const document = documents.get(pipeline);
  return document ? { document } : {};
}

/**
 * The pipeline, ready to run. Warnings go to stderr.
 * @throws CHM914 when it does not lint; the findings are on stderr by then
 */
export function loadOrExplain(context: Context, file: string, options: PipelineOptions): Pipeline {
  const { pipeline, diagnostics, sources } = loadFile(file, options);
  if (diagnostics.length > 0)
    context.note(formatDiagnostics(diagnostics, sources, { format: 'text', color: context.color('stderr') }));
  if (!pipeline) {
    const n = diagnostics.filter((d) => d.severity === 'error').length;
    throw new ChimeraError('CHM914', `${file} has ${n} error${n === 1 ? '' : 's'}`, { file });
  }
  return pipeline;
}

/** The text of a pipeline and what it is bound to: profile and parameters. */
export function boundDocument(
  file: string,
  options: PipelineOptions,
): { yaml: string; bound: { file: string; profile?: { file: string; text: string }; sets: Record<string, string> } } {
  const sets = pairs(options.set, '--set');
  const yaml = readText(file);
  if (options.profile === undefined) return { yaml, bound: { file, sets } };
  const path = profilePath(options.profile, file);
  return { yaml, bound: { file, sets, profile: { file: path, text: readText(path) } } };
}

export function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (e) {
    const reason = (e as NodeJS.ErrnoException).code;
    const why =
      reason === 'ENOENT' ? 'does not exist' : reason === 'EISDIR' ? 'is a folder' : `cannot be read (${reason})`;
    throw new ChimeraError('CHM910', `${file} ${why}`, { file, cause: e, help: 'name an existing YAML file' });
  }
}

function profilePath(name: string, pipeline: string): string {
  const dir = dirname(pipeline);
  const candidates = /[/\\]|\.ya?ml$/.test(name)
    ? [name]
    : [
        // A pipeline of another market has profiles of its own: profiles/spot/paper.yaml for spot.yaml.
        join(dir, 'profiles', basename(pipeline).replace(/\.ya?ml$/, ''), `${name}.yaml`),
        join(dir, 'profiles', `${name}.yaml`),
        join(dir, '..', 'profiles', `${name}.yaml`),
        join('pipelines', 'profiles', `${name}.yaml`),
      ];
  const found = candidates.find((c) => existsSync(c) && statSync(c).isFile());
  if (found === undefined)
    throw new ChimeraError('CHM915', `there is no profile ${name}`, {
      help: `looked for ${[...new Set(candidates)].join(', ')}`,
    });
  return found;
}
