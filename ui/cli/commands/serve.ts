import { join } from 'node:path';
import type { Command } from 'commander';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../io.ts';
import { collect, integer } from '../options.ts';
import { busUrl, webhookAccess } from '../secrets.ts';

interface Options {
  home: string;
  port: number;
  host: string;
  faces?: boolean;
  tlsCert?: string;
  tlsKey?: string;
  bus?: string;
  prefix?: string;
  peer?: string[];
}

export function serve(program: Command, context: Context): void {
  const command = program
    .command('serve')
    .summary('serve the operations page and the API over the runs of a folder')
    .description(
      'Serves the operations page and the HTTP API of all services over the runs that lie under the home folder, until Ctrl-C. At the first start it prints a one-time code with which the first administrator is made.',
    )
    .option('--home <dir>', 'folder of runs; users, sessions and the audit log are kept in it', 'runs')
    .option('--port <port>', 'port of the gateway; 0 = a free one', integer(0, 65_535), 8092)
    .option('--host <host>', 'address; others than the loopback need TLS', '127.0.0.1')
    .option('--faces', 'serve the other eleven services at their own ports (8081 to 8091), for service identities')
    .option('--tls-cert <file>', 'certificate, PEM')
    .option('--tls-key <file>', 'its key, PEM')
    .option('--bus <url>', 'Redis that joins services in processes of their own: shows its streams and readers')
    .option('--prefix <name>', 'with --bus: as the services have it')
    .option(
      '--peer <service=url>',
      'a process with one service, and its --metrics address: its health counts; repeatable',
      collect,
    );
  describe(command, ['serve', 'serve --home runs --port 8092', 'serve --faces']).action(
    action(context, async (options: Options) => {
      const { openLocalApi } = await import('../../api/local-api.ts');
      const { parsePeer } = await import('../../api/peers.ts');
      const local = await openLocalApi({
        home: options.home,
        port: options.port,
        host: options.host,
        faces: options.faces === true,
        peers: (options.peer ?? []).map(parsePeer),
        env: context.io.env,
        ...webhookAccess(context.io.env),
        ...(options.bus === undefined
          ? {}
          : { bus: { url: busUrl(options.bus, context.io.env), prefix: options.prefix } }),
        ...(options.tlsCert !== undefined && options.tlsKey !== undefined
          ? { tls: { cert: options.tlsCert, key: options.tlsKey } }
          : {}),
      });
      const { url, code } = local;
      context.result({ url, setup_code: code ?? null, home: options.home }, () =>
        [
          `open     ${context.paint('stdout', 'cyan', url)}   (Ctrl-C ends)`,
          ...(code === undefined
            ? []
            : [`code     ${context.paint('stdout', 'bold', code)}   makes the first administrator, once`]),
          `runs     ${join(options.home, '')}`,
        ].join('\n'),
      );
      const { signal } = context.io;
      if (signal && !signal.aborted)
        await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
      await local.close();
      return EXIT.ok;
    }),
  );
}
