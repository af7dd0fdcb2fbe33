import { ChimeraError } from '../../../../graph/schema/index.ts';

/** One thing that was looked at. */
export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'warn' | 'fail';
  /** Nothing that stands in the way of a run: `ok` or `warn`. */
  readonly ok: boolean;
  /** Of the finding; `chimera explain CODE` says more. */
  readonly code: string | null;
  /** What was found; never a secret. */
  readonly found: string;
  /** What to do; empty when nothing has to be done. */
  readonly help: string;
}

export const good = (name: string, found: string): Check => ({
  name,
  status: 'ok',
  ok: true,
  code: null,
  found,
  help: '',
});
export const warning = (name: string, code: string, found: string, help: string): Check => ({
  name,
  status: 'warn',
  ok: true,
  code,
  found,
  help,
});
export const failure = (name: string, code: string, found: string, help: string): Check => ({
  name,
  status: 'fail',
  ok: false,
  code,
  found,
  help,
});

/** An error of the program as a finding. Others have no code of their own: they are of the kind that is given. */
export function failed(name: string, e: unknown, code: string, help: string): Check {
  if (e instanceof ChimeraError) return failure(name, e.code, e.message, e.help ?? help);
  return failure(name, code, (e instanceof Error ? e.message : String(e)).split('\n')[0]!, help);
}
