import { z } from 'zod';
import { type Check, failure, good, warning } from './check.ts';

const Answer = z.object({
  status: z.enum(['GREEN', 'YELLOW', 'RED']),
  reasons: z.array(z.object({ part: z.string(), code: z.string().optional(), message: z.string() })),
  parts: z.array(z.object({ part: z.string() })),
});

/** Running services, asked at the address of their metrics: the code that each suffers from comes along. */
export async function serviceChecks(urls: readonly string[]): Promise<Check[]> {
  return Promise.all(urls.map(serviceCheck));
}
async function serviceCheck(url: string): Promise<Check> {
  const base = url.replace(/\/+$/, '');
  const name = `service ${base.replace(/^https?:\/\//, '').replace(/^.*@/, '')}`;
  try {
    const response = await fetch(`${base}/health`, { signal: AbortSignal.timeout(3000) });
    const { status, reasons, parts } = Answer.parse(await response.json());
    const found = `${status}: ${reasons.map((r) => `${r.part} ${r.message}${r.code ? ` (${r.code})` : ''}`).join('; ') || parts.map((p) => p.part).join(', ')}`;
    if (status === 'GREEN') return good(name, found);
    const code = reasons.find((r) => r.code !== undefined)?.code ?? 'CHM986';
    const help = `chimera explain ${code}`;
    return status === 'YELLOW' ? warning(name, code, found, help) : failure(name, code, found, help);
  } catch (e) {
    const why =
      e instanceof z.ZodError || e instanceof SyntaxError ? 'what answers is no service of Chimera' : 'does not answer';
    return failure(name, 'CHM986', why, 'name the address of its metrics: --health http://127.0.0.1:9464');
  }
}
