import type { Command } from 'commander';
import { ChimeraError } from '../../../graph/schema/index.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { registry } from '../registry.ts';
import { table } from '../table.ts';

export function list(program: Command, context: Context): void {
  const command = program
    .command('list')
    .summary('list the node types')
    .description('Lists the node types that a pipeline can use, by room.')
    .argument('[room]', 'only this room: source, silver, feature, decision …');
  describe(command, ['list', 'list feature', 'list --json']).action(
    action(context, (room: string | undefined) => {
      const all = [...registry];
      const rooms = [...new Set(all.map((n) => roomOf(n.type)))];
      if (room !== undefined && !rooms.includes(room))
        throw new ChimeraError('CHM913', `there is no room ${room}`, { help: `rooms: ${rooms.join(', ')}` });
      const types = all.filter((n) => room === undefined || roomOf(n.type) === room);
      context.result(
        {
          types: types.map((n) => ({
            type: n.type,
            version: n.version,
            kind: n.kind,
            tier: n.tier,
            determinism: n.determinism,
            summary: n.summary,
          })),
        },
        () => {
          const width = Math.max(60, context.io.stdout.columns ?? 120);
          const name = Math.max(...types.map((n) => n.type.length)) + 2;
          const out: string[] = [];
          for (const r of rooms) {
            const mine = types.filter((n) => roomOf(n.type) === r).sort((a, b) => (a.type < b.type ? -1 : 1));
            if (mine.length === 0) continue;
            out.push(context.paint('stdout', 'bold', r));
            out.push(
              table(mine.map((n) => [`  ${n.type}`.padEnd(name + 2), shorten(n.summary, width - name - 4)])),
              '',
            );
          }
          out.push(`${types.length} node types; \`chimera explain TYPE\` tells everything about one.`);
          return out.join('\n');
        },
      );
    }),
  );
}

const roomOf = (type: string): string => type.slice(0, type.indexOf('.'));
const shorten = (s: string, width: number): string => (s.length <= width ? s : `${s.slice(0, width - 1).trimEnd()}…`);
