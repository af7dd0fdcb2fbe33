import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { ChimeraError } from '../../../graph/schema/index.ts';

const Note = z.object({ v: z.literal(1), pid: z.int(), socket: z.string(), pipeline: z.string() });
export type Note = z.output<typeof Note>;

/** Of a socket's path: the system takes no longer ones. */
const LONGEST = 103;
const noteOf = (state: string): string => join(state, 'control.json');

/** Where a new socket of a run goes: into its folder, or into a private one when the path would be too long. */
export function newSocket(state: string): string {
  const path = resolve(state, 'control.sock');
  return Buffer.byteLength(path) <= LONGEST ? path : join(mkdtempSync(join(tmpdir(), 'chimera-')), 'control.sock');
}
export function writeNote(state: string, note: Note): void {
  writeFileSync(noteOf(state), `${JSON.stringify(note)}\n`, { mode: 0o600 });
}
export function removeNote(state: string, socket: string): void {
  rmSync(socket, { force: true });
  rmSync(noteOf(state), { force: true });
  const dir = dirname(socket);
  if (dir !== resolve(state)) rmSync(dir, { recursive: true, force: true });
}
/** What the last run of this folder left behind, whether it lives or not. */
export function readNote(state: string): Note | undefined {
  try {
    return Note.parse(JSON.parse(readFileSync(noteOf(state), 'utf8')));
  } catch {
    return undefined;
  }
}
export const unreachable = (state: string, cause?: unknown): ChimeraError =>
  new ChimeraError('CHM955', `no run answers at ${state}`, {
    file: state,
    help: existsSync(state)
      ? 'name the --state folder of a live run that is running, as the user that started it'
      : 'there is no such folder: name the --state folder of the run',
    ...(cause === undefined ? {} : { cause }),
  });
