import type { Logger } from 'pino';
import { type AlertBoard, openAlerts } from './alerts.ts';
import { Sessions } from './auth/sessions.ts';
import { SetupCode } from './auth/setup-code.ts';
import { signingKey } from './auth/signing-key.ts';
import { Tokens } from './auth/tokens.ts';
import { Users } from './auth/users.ts';
import type { BusView } from './bus-view.ts';
import type { Transfer as ShownTransfer } from './contract/answers.ts';
import type { Proposal } from './contract/records.ts';
import { Jobs } from './jobs.ts';
import { ApiMetrics } from './metrics.ts';
import type { Peers } from './peers.ts';
import type { RunList } from './ports.ts';
import { Answers } from './state/answers.ts';
import { ApiDatabase, Records } from './state/api-database.ts';
import { AuditLog } from './state/audit-log.ts';
import { Confirmations } from './state/confirmations.ts';

/** A movement of money between wallets, with what the venue answered. */
export interface Transfer extends ShownTransfer {
  readonly result: unknown;
}

/** Everything that handlers of routes work with. */
export interface Api {
  readonly version: string;
  readonly now: () => number;
  readonly log: Logger;
  readonly secure: boolean;
  readonly users: Users;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  readonly setup: SetupCode;
  readonly audit: AuditLog;
  readonly answers: Answers;
  readonly confirmations: Confirmations;
  readonly proposals: Records<Proposal>;
  readonly transfers: Records<Transfer>;
  readonly alerts: AlertBoard;
  readonly jobs: Jobs;
  readonly metrics: ApiMetrics;
  readonly runs: RunList;
  /** The bus that joins services in processes of their own, where one is configured. */
  readonly bus: BusView | undefined;
  /** Processes with one service each, where they are named. */
  readonly peers: Peers | undefined;
  /** The document's JSON Schema. */
  readonly schema: () => unknown;
  close(): void;
}
export interface ApiOptions {
  /** Folder of the API's own state; undefined = in memory, for tests. */
  readonly dir: string | undefined;
  readonly runs: RunList;
  readonly version: string;
  readonly log: Logger;
  readonly now?: () => number;
  readonly bus?: BusView;
  readonly peers?: Peers;
  /** The connection is encrypted: cookies are for encrypted ones only. */
  readonly secure?: boolean;
  readonly schema?: () => unknown;
}

/** @throws CHM1132 */
export function openApiState(options: ApiOptions): Api {
  const { dir, runs, version, log, now = Date.now, secure = false, schema = () => ({}) } = options;
  const key = signingKey(dir);
  const db = new ApiDatabase(dir);
  const users = new Users(db, now);
  const metrics = new ApiMetrics();
  const jobs = new Jobs(now);
  const alerts = openAlerts(new Records(db, 'alert'), runs, now);
  return {
    version,
    now,
    log,
    secure,
    runs,
    users,
    metrics,
    alerts,
    bus: options.bus,
    peers: options.peers,
    schema,
    sessions: new Sessions(db, now),
    tokens: new Tokens(key, now),
    setup: new SetupCode(users),
    audit: new AuditLog(db, key.auditKey),
    answers: new Answers(db, now),
    confirmations: new Confirmations(now),
    proposals: new Records<Proposal>(db, 'proposal'),
    transfers: new Records<Transfer>(db, 'transfer'),
    jobs,
    close: () => {
      void jobs.close();
      options.peers?.close();
      alerts.close();
      metrics.close();
      db.close();
    },
  };
}
