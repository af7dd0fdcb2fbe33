import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chimera } from '../../cli/commands/parity.ts';
import type { Role } from '../contract/access.ts';
import type { Said } from './test-api.ts';

export const PASSWORD = 'correct horse battery';
const START_MS = 60_000;
const STOP_MS = 30_000;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program as it was built, started as a user starts it, with its page and API; spoken to over HTTP. */
export class LiveProgram {
  readonly url: string;
  readonly pid: number;
  readonly #end: () => Promise<Ended>;
  readonly #tokens = new Map<string, string>();

  private constructor(url: string, pid: number, end: () => Promise<Ended>) {
    this.url = url;
    this.pid = pid;
    this.#end = end;
  }
  /** @param args such as `start --seconds 600`; the page is served at a free port, and `ada` is its administrator */
  static start(...args: string[]): Promise<LiveProgram> {
    return LiveProgram.startWith({}, ...args);
  }
  /** @param env besides what this process has */
  static async startWith(env: Readonly<Record<string, string>>, ...args: string[]): Promise<LiveProgram> {
    const [program, ...own] = chimera();
    const child = spawn(program!, [...own, ...args, '--serve', '--serve-port', '0'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    let said = '';
    let printed = '';
    child.stdout.on('data', (d: Buffer) => {
      printed += d.toString();
    });
    const ended = new Promise<Ended>((done) =>
      child.once('close', (code) => done({ code, stdout: printed, stderr: said })),
    );
    const end = async () => {
      child.kill('SIGINT');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      const how = await ended;
      clearTimeout(timer);
      return how;
    };
    const [url, code] = await new Promise<[string, string]>((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`it did not serve a page: ${said}`)), START_MS);
      child.stderr.on('data', (d: Buffer) => {
        said = (said + d.toString()).slice(-10_000);
        const page = /page {5}(\S+)/.exec(said);
        const once = /code {5}(\S+)/.exec(said);
        if (page && once) {
          clearTimeout(timer);
          done([page[1]!, once[1]!]);
        }
      });
      void ended.then(() => fail(new Error(`it ended: ${said}`)));
    }).catch(async (e: unknown) => {
      await end();
      throw e;
    });
    const it = new LiveProgram(url.replace(/\/$/, ''), child.pid!, end);
    const session = await it.ask('POST', '/setup', { body: { code, name: 'ada', password: PASSWORD } });
    if (session.status !== 200) throw new Error(`set-up: ${session.text}`);
    it.#tokens.set('ada', session.body.access_token);
    return it;
  }
  /** Ends it as Ctrl-C does. */
  async end(): Promise<Ended> {
    return this.#end();
  }
  async close(): Promise<void> {
    await this.#end();
  }

  /** Makes a user; from now on `as: name` speaks for them. */
  async person(name: string, ...roles: Role[]): Promise<void> {
    const made = await this.ask('POST', '/users', { as: 'ada', body: { name, roles, password: PASSWORD } });
    if (made.status !== 201) throw new Error(`user ${name}: ${made.text}`);
    await this.#login(name);
  }
  async ask(method: string, path: string, o: { as?: string; body?: unknown; key?: string } = {}): Promise<Said> {
    const said = await this.#send(method, path, o);
    // Tokens live for minutes.
    if (said.status !== 401 || o.as === undefined) return said;
    await this.#login(o.as);
    return this.#send(method, path, o);
  }
  /** Asks again until the answer is as it should be. */
  async until(path: string, as: string, holds: (said: Said) => boolean, ms = 60_000): Promise<Said> {
    const end = performance.now() + ms;
    for (;;) {
      const said = await this.ask('GET', path, { as });
      if (holds(said)) return said;
      if (performance.now() > end)
        throw new Error(`GET ${path} did not come to it: ${said.status} ${said.text.slice(0, 1500)}`);
      await new Promise((done) => setTimeout(done, 200));
    }
  }
  /** The end of a job. */
  async job(begun: Said, as: string, ms = 90_000): Promise<Said['body']> {
    if (begun.status !== 202) throw new Error(`no job: ${begun.status} ${begun.text}`);
    const path = `/jobs/${begun.body.id}`;
    return (await this.until(path, as, (s) => s.body.state !== 'running', ms)).body;
  }
  async #login(name: string): Promise<void> {
    const said = await this.#send('POST', '/login', { body: { name, password: PASSWORD } });
    if (said.status !== 200) throw new Error(`sign-in of ${name}: ${said.text}`);
    this.#tokens.set(name, said.body.access_token);
  }
  async #send(
    method: string,
    path: string,
    { as, body, key = randomUUID() }: { as?: string; body?: unknown; key?: string },
  ): Promise<Said> {
    const answer = await fetch(this.url + path, {
      method,
      headers: {
        ...(as === undefined ? {} : { authorization: `Bearer ${this.#tokens.get(as)}` }),
        ...(method === 'GET' ? {} : { 'idempotency-key': key }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const json = /json/.test(answer.headers.get('content-type') ?? '') && text !== '';
    return {
      status: answer.status,
      body: json ? JSON.parse(text) : null,
      text,
      headers: Object.fromEntries(answer.headers),
    };
  }
}
