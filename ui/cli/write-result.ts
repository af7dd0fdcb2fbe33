import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ChimeraError } from '../../graph/schema/index.ts';

/** Writes a result file, with its folder; a long one in pieces. @throws CHM916 */
export function writeResult(file: string, text: string | Iterable<string>): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    const fd = openSync(file, 'w');
    try {
      for (const part of typeof text === 'string' ? [text] : text) writeFileSync(fd, part);
    } finally {
      closeSync(fd);
    }
  } catch (e) {
    throw new ChimeraError('CHM916', `cannot write ${file}: ${(e as Error).message}`, {
      file,
      cause: e,
      help: 'name a file in a folder where you may write, on a disk with room',
    });
  }
}
