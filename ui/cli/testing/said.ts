import { main } from '../main.ts';

/** What a command said, and its exit code. */
export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}
/** Runs a command in process. */
export async function chimera(argv: readonly string[], env: Record<string, string> = {}): Promise<Said> {
  const said = { out: '', err: '' };
  const into = (stream: keyof typeof said) => ({
    write: (s: string) => {
      said[stream] += s;
    },
  });
  const code = await main(argv, { stdout: into('out'), stderr: into('err'), env });
  return { code, ...said };
}
