import { GRANTS, PERMISSIONS, type Permission, ROLES, type Role } from '../contract/access.ts';
import type { User } from '../contract/records.ts';
import { ApiError, notFound } from '../problem.ts';
import type { ApiDatabase } from '../state/api-database.ts';
import { checkPassword, hashPassword, NOBODY } from './password.ts';

interface Row {
  readonly name: string;
  readonly password: string;
  readonly roles: string;
  readonly created_ms: number;
  readonly last_login_ms: number | null;
}
interface Failures {
  readonly failures: number;
  readonly locked_until_ms: number;
}
/** Failures that are free, then half a minute, doubled each time, at most a quarter of an hour. */
const FREE = 5;
const FIRST_LOCK_MS = 30_000;
const LONGEST_LOCK_MS = 15 * 60_000;

export class Users {
  readonly #db: ApiDatabase;
  readonly #now: () => number;
  constructor(db: ApiDatabase, now: () => number) {
    this.#db = db;
    this.#now = now;
  }
  get none(): boolean {
    return this.#db.get('SELECT name FROM users LIMIT 1') === undefined;
  }
  list(): User[] {
    return this.#db.all<Row>('SELECT * FROM users ORDER BY name').map((r) => this.#user(r));
  }
  get(name: string): User | undefined {
    const row = this.#row(name);
    return row && this.#user(row);
  }
  /** @throws CHM1118 when there is one of this name */
  async add(name: string, roles: readonly Role[], password: string): Promise<User> {
    const hash = await hashPassword(password);
    const added = this.#db.run(
      'INSERT INTO users (name, password, roles, created_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
      name,
      hash,
      JSON.stringify(roles),
      this.#now(),
    );
    if (added === 0) throw new ApiError('CHM1118', `there is a user ${name} already`, { field: 'name' });
    return this.get(name)!;
  }
  /** @throws CHM1112, CHM1135 */
  async change(
    name: string,
    to: { roles?: readonly Role[] | undefined; password?: string | undefined },
  ): Promise<User> {
    const hash = to.password === undefined ? undefined : await hashPassword(to.password);
    const known = this.get(name);
    if (!known) throw notFound(`user ${name}`);
    if (to.roles && !to.roles.includes('administrator')) this.#keepOne(known);
    if (to.roles) this.#db.run('UPDATE users SET roles = ? WHERE name = ?', JSON.stringify(to.roles), name);
    if (hash !== undefined) this.#db.run('UPDATE users SET password = ? WHERE name = ?', hash, name);
    return this.get(name)!;
  }
  remove(name: string): User {
    const known = this.get(name);
    if (!known) throw notFound(`user ${name}`);
    this.#keepOne(known);
    this.#db.run('DELETE FROM users WHERE name = ?', name);
    return known;
  }

  /** The user of name and password. @throws CHM1102, CHM1103 */
  async check(name: string, password: string): Promise<User> {
    const now = this.#now();
    const failed = this.#failures(name);
    if (failed.locked_until_ms > now)
      throw new ApiError('CHM1103', 'too many failed attempts', {
        retryAfterS: Math.ceil((failed.locked_until_ms - now) / 1000),
        help: 'wait, or ask an administrator',
      });
    // Counted before the password is looked at: attempts at the same time count as well.
    this.#fail(name, failed.failures + 1);
    const row = this.#row(name);
    const right = await checkPassword(password, row?.password ?? NOBODY);
    if (!row || !right) throw new ApiError('CHM1102', 'name or password are wrong');
    this.unlock(name);
    this.#db.run('UPDATE users SET last_login_ms = ? WHERE name = ?', now, name);
    return this.#user(this.#row(name)!);
  }
  unlock(name: string): void {
    this.#db.run('DELETE FROM failures WHERE name = ?', name);
  }

  #failures(name: string): Failures {
    const none: Failures = { failures: 0, locked_until_ms: 0 };
    return this.#db.get<Failures>('SELECT failures, locked_until_ms FROM failures WHERE name = ?', name) ?? none;
  }
  #fail(name: string, failures: number): void {
    const now = this.#now();
    const series = Math.floor(failures / FREE);
    const lock = failures % FREE === 0 ? Math.min(FIRST_LOCK_MS * 2 ** (series - 1), LONGEST_LOCK_MS) : 0;
    // Names that nobody tries any more are forgotten, or the table would grow with whoever guesses names.
    this.#db.run('DELETE FROM failures WHERE locked_until_ms < ? AND name <> ?', now - 24 * 3600_000, name);
    this.#db.run(
      'INSERT INTO failures VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET failures = excluded.failures, locked_until_ms = excluded.locked_until_ms',
      name,
      failures,
      now + lock,
    );
  }
  #keepOne(user: User): void {
    if (!user.roles.includes('administrator')) return;
    const others = this.list().filter((u) => u.name !== user.name && u.roles.includes('administrator'));
    if (others.length === 0) throw new ApiError('CHM1135', `${user.name} is the last administrator`);
  }
  #row(name: string): Row | undefined {
    return this.#db.get<Row>('SELECT * FROM users WHERE name = ?', name);
  }
  #user(r: Row): User {
    return {
      name: r.name,
      roles: (JSON.parse(r.roles) as string[]).filter((x): x is Role => (ROLES as readonly string[]).includes(x)),
      locked: this.#failures(r.name).locked_until_ms > this.#now(),
      created_ms: r.created_ms,
      last_login_ms: r.last_login_ms,
    };
  }
}

export const permissionsOf = (roles: readonly Role[]): Permission[] =>
  PERMISSIONS.filter((p) => roles.some((r) => GRANTS[r].includes(p)));
