import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { ChimeraError } from '../../../graph/schema/index.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../io.ts';

export function audit(program: Command, context: Context): void {
  const group = program
    .command('audit')
    .summary('the audit log of the operations page')
    .description('The log of who did what over the API: each entry holds the hash of the one before.');
  const verify = group
    .command('verify')
    .summary('whether the audit log is as it was written')
    .description(
      'Follows the chain of hashes from the first entry to the seal: a changed, removed, moved or inserted entry is found, and so is a cut end. Exit code 1 when something does not fit.',
    )
    .option('--home <dir>', 'folder of runs in which the API keeps its state', 'runs');
  describe(verify, ['audit verify', 'audit verify --home runs --json']).action(
    action(context, async (options: { home: string }) => {
      const dir = join(options.home, '.api');
      if (!existsSync(join(dir, 'api.sqlite')))
        throw new ChimeraError('CHM910', `there is no audit log in ${options.home}`, {
          file: dir,
          help: 'name the folder that `chimera serve` was given with --home',
        });
      const { ApiDatabase } = await import('../../api/state/api-database.ts');
      const { AuditLog } = await import('../../api/state/audit-log.ts');
      const { signingKey } = await import('../../api/auth/signing-key.ts');
      const db = new ApiDatabase(dir);
      const verdict = new AuditLog(db, signingKey(dir).auditKey).verify();
      db.close();
      context.result(verdict, () =>
        verdict.ok
          ? context.paint('stdout', 'green', `${verdict.entries} entries, as they were written`)
          : context.paint('stdout', 'red', `error CHM1133 the audit log is broken at entry ${verdict.broken_at}`),
      );
      return verdict.ok ? EXIT.ok : EXIT.differs;
    }),
  );
}
