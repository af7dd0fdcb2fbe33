import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { ApiError } from '../problem.ts';
import type { ApiDatabase } from '../state/api-database.ts';

/** A session that is not renewed ends after half a day, any session after a week. */
export const IDLE_MS = 12 * 3600_000;
export const LONGEST_MS = 7 * 24 * 3600_000;
/** Two tabs may renew at once: the later one is asked to come again, with the cookie that the earlier one got. */
const RACE_MS = 3000;

interface Row {
  readonly id: string;
  readonly user: string;
  readonly created_ms: number;
  readonly rotated_ms: number;
  readonly secret: string;
  readonly previous: string;
  readonly revoked: number;
}
export interface Opened {
  readonly session: string;
  readonly user: string;
  /** What goes into the cookie, and nowhere else. */
  readonly refresh: string;
}

/** Sessions with rotating refresh tokens: each is good for one renewal; one that comes twice ends the session. */
export class Sessions {
  readonly #db: ApiDatabase;
  readonly #now: () => number;
  constructor(db: ApiDatabase, now: () => number) {
    this.#db = db;
    this.#now = now;
  }
  open(user: string): Opened {
    const now = this.#now();
    this.#db.run('DELETE FROM sessions WHERE created_ms < ?', now - LONGEST_MS);
    const session = randomUUID();
    const secret = newSecret();
    this.#db.run("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, '', 0)", session, user, now, now, hash(secret));
    return { session, user, refresh: `${session}.${secret}` };
  }
  /** @throws CHM1104; CHM1118 for the later of two renewals at once */
  renew(refresh: string): Opened {
    const [session = '', secret = ''] = refresh.split('.');
    const now = this.#now();
    const row = this.#db.get<Row>('SELECT * FROM sessions WHERE id = ?', session);
    const given = hash(secret);
    if (row === undefined || row.revoked !== 0 || now - row.rotated_ms > IDLE_MS || now - row.created_ms > LONGEST_MS)
      throw ended();
    if (given !== row.secret) {
      if (given === row.previous && now - row.rotated_ms < RACE_MS)
        throw new ApiError('CHM1118', 'this session was renewed a moment ago', {
          retryAfterS: 1,
          help: 'try again with the new cookie',
        });
      this.end(session);
      throw ended();
    }
    const next = newSecret();
    this.#db.run(
      'UPDATE sessions SET secret = ?, previous = ?, rotated_ms = ? WHERE id = ?',
      hash(next),
      row.secret,
      now,
      session,
    );
    return { session, user: row.user, refresh: `${session}.${next}` };
  }
  /** Whether the token is the session's newest one, or the one before it. */
  knows(refresh: string): boolean {
    const [session = '', secret = ''] = refresh.split('.');
    const row = this.#db.get<Row>('SELECT * FROM sessions WHERE id = ?', session);
    return row !== undefined && [row.secret, row.previous].includes(hash(secret));
  }
  alive(session: string, user: string): boolean {
    const row = this.#db.get<Row>('SELECT * FROM sessions WHERE id = ?', session);
    const now = this.#now();
    return row !== undefined && row.user === user && row.revoked === 0 && now - row.created_ms <= LONGEST_MS;
  }
  end(session: string): void {
    this.#db.run('UPDATE sessions SET revoked = 1 WHERE id = ?', session);
  }
  endAll(user: string, but?: string): void {
    this.#db.run('UPDATE sessions SET revoked = 1 WHERE user = ? AND id <> ?', user, but ?? '');
  }
}

const newSecret = (): string => randomBytes(32).toString('base64url');
const hash = (secret: string): string => createHash('sha256').update(secret).digest('hex');
const ended = (): ApiError => new ApiError('CHM1104', 'this session has ended', { help: 'sign in again' });
