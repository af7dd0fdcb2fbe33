import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pino, { type Logger } from 'pino';
import { pipelineJsonSchema } from '../../graph/document/json-schema.ts';
import { registry } from '../cli/registry.ts';
import { home as programHome, version } from '../cli/version.ts';
import { type Api, openApiState } from './api.ts';
import { busView } from './bus-view.ts';
import { Webhook, type WebhookOptions } from './notify/webhook.ts';
import { type parsePeer, watchPeers } from './peers.ts';
import { RunRegistry } from './runs/run-registry.ts';
import { type Served, type ServeOptions, serveApi } from './serve-api.ts';

export interface LocalApiOptions extends ServeOptions {
  /** Folder of runs; the API's own state is in `.api` within it. */
  readonly home: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly log?: Logger;
  /** Where alerts are told. */
  readonly webhook?: WebhookOptions;
  /** Processes that run one service each, with the address of their metrics. */
  readonly peers?: readonly ReturnType<typeof parsePeer>[];
  /** Redis that joins services in processes of their own: what lies on it is shown. */
  readonly bus?: { readonly url: string; readonly prefix?: string | undefined };
}
export interface LocalApi extends Served {
  readonly api: Api;
  readonly runs: RunRegistry;
  /** Makes the first administrator; undefined when there is one. */
  readonly code: string | undefined;
}

/** The API in this thread, over the runs of a home folder: what `chimera serve` is, and what the worker of a live run is. */
export async function openLocalApi(options: LocalApiOptions): Promise<LocalApi> {
  const { home, env = {}, log = apiLog(env), bus: address, peers = [], webhook, ...serve } = options;
  const bus = address && busView(address.url, address.prefix);
  const runs = new RunRegistry(home);
  const api = openApiState({
    dir: join(home, '.api'),
    runs,
    version: version(),
    log,
    secure: serve.tls !== undefined,
    schema: () => documentSchema(),
    ...(bus ? { bus } : {}),
    ...(peers.length > 0 ? { peers: watchPeers(peers) } : {}),
  });
  try {
    const served = await serveApi(api, { page: join(programHome(), 'dist', 'web'), ...serve });
    const told = webhook && new Webhook(webhook, api.alerts, log);
    api.alerts.start();
    return {
      ...served,
      api,
      runs,
      code: api.setup.code,
      close: async () => {
        told?.close();
        await api.jobs.close();
        await served.close();
        await runs.close();
        await bus?.close();
        api.close();
      },
    };
  } catch (e) {
    api.close();
    throw e;
  }
}

/** To standard error, JSON lines; what could be a secret is left out by name. */
export const apiLog = (env: Readonly<Record<string, string | undefined>>): Logger =>
  pino(
    {
      level: env['CHIMERA_LOG'] ?? 'warn',
      redact: { paths: ['*.password', '*.token', '*.secret', '*.api_key', '*.headers'], remove: true },
    },
    pino.destination({ dest: 2, sync: true }),
  );

let schema: unknown;
function documentSchema(): unknown {
  if (schema === undefined) {
    const file = join(programHome(), 'docs', 'pipeline.schema.json');
    schema = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : pipelineJsonSchema(registry);
  }
  return schema;
}
