import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { pipelineJsonSchema } from '../../../graph/document/json-schema.ts';
import { errorsPage, referencePages } from '../../../graph/document/reference.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../io.ts';
import { loadOrExplain } from '../load-document.ts';
import { codeTables, registry } from '../registry.ts';
import { home } from '../version.ts';
import { writeResult } from '../write-result.ts';

/** For those who change the program: writes, or compares, what in `docs/` is generated from it. */
export function docs(program: Command, context: Context): void {
  const command = program
    .command('docs', { hidden: true })
    .summary('generate the reference')
    .description('Writes the generated documents: docs/reference, docs/pipeline.schema.json, docs/trend.svg.')
    .option('--to <dir>', 'folder of the documents', join(home(), 'docs'))
    .option('--check', 'write nothing; tell which documents are not up to date');
  describe(command, ['docs', 'docs --check']).action(
    action(context, async (o: { to: string; check?: boolean }) => {
      const wanted = await generated(context);
      const stale = [...wanted].filter(([file, text]) => {
        const path = join(o.to, file);
        return !existsSync(path) || readFileSync(path, 'utf8') !== text;
      });
      const reference = join(o.to, 'reference');
      const left = existsSync(reference)
        ? readdirSync(reference).filter((f) => f.endsWith('.md') && !wanted.has(`reference/${f}`))
        : [];
      const changed = [...stale.map(([f]) => f), ...left.map((f) => `reference/${f}`)];
      if (!o.check) {
        for (const [file, text] of stale) writeResult(join(o.to, file), text);
        for (const f of left) rmSync(join(reference, f));
      }
      const ok = !o.check || changed.length === 0;
      context.result({ ok, changed }, () =>
        changed.length === 0
          ? 'all generated documents are up to date'
          : `${o.check ? 'not up to date, run `npx chimera docs`' : 'written'}: ${changed.join(', ')}`,
      );
      return ok ? EXIT.ok : EXIT.differs;
    }),
  );
}

async function generated(context: Context): Promise<Map<string, string>> {
  const out = new Map<string, string>();
  for (const [file, text] of referencePages(registry)) out.set(`reference/${file}`, text);
  out.set('reference/errors.md', errorsPage(codeTables));
  out.set('pipeline.schema.json', `${JSON.stringify(pipelineJsonSchema(registry), null, 2)}\n`);
  const { toSvg } = await import('../../graph/to-svg.ts');
  out.set('trend.svg', await toSvg(loadOrExplain(context, join(home(), 'pipelines', 'trend.yaml'), {})));
  return out;
}
