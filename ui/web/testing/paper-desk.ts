import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { DirectAccount, type ExchangeAddress } from '../../../sinks/binance/testing/direct-account.ts';
import { launch } from './chromium.ts';
import { Program } from './program.ts';
import { PASSWORD } from './served-run.ts';

/**
 * `chimera venue`, `chimera run --profile paper --serve` and a browser with the first administrator signed in: three processes, as
 * on somebody's machine.
 */
export class PaperDesk {
  readonly page: Page;
  readonly url: string;
  /** The account as the venue itself has it. */
  readonly venue: DirectAccount;
  readonly #browser: Browser;
  readonly #dir: string;
  readonly #exchange: Program;
  readonly #args: readonly string[];
  #run: Program;

  private constructor(o: {
    page: Page;
    url: string;
    venue: DirectAccount;
    browser: Browser;
    dir: string;
    exchange: Program;
    args: readonly string[];
    run: Program;
  }) {
    this.page = o.page;
    this.url = o.url;
    this.venue = o.venue;
    this.#browser = o.browser;
    this.#dir = o.dir;
    this.#exchange = o.exchange;
    this.#args = o.args;
    this.#run = o.run;
  }

  /** @param rate seconds of the market per second of the clock */
  static async open(rate: number): Promise<PaperDesk> {
    const dir = mkdtempSync(join(tmpdir(), 'chimera-paper-'));
    const exchange = new Program(
      ...['venue', '--seed', '5', '--rate', String(rate), '--limits', 'none', '--balance-usdt', '1000000'],
    );
    const [line] = await exchange.says(/^\{.*"ready".*\}$/m);
    const connect = join(dir, 'venue.json');
    writeFileSync(connect, line, { mode: 0o600 });
    const args = [
      ...['run', 'pipelines/trend.yaml', '--profile', 'paper', '--set', 'preset=recording', '--set', 'interval=1s'],
      ...['--connect', connect, '--state', join(dir, 'state'), '--home', join(dir, 'home'), '--serve', '--serve-port'],
    ];
    const run = new Program(...args, '0');
    const [, url] = await run.says(/page +(http\S+)/);
    const [, code] = await run.says(/code +(\S+)/);
    const browser = await launch();
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, baseURL: url! });
    context.setDefaultTimeout(60_000);
    const page = await context.newPage();
    await page.goto('/');
    await page.getByLabel('One-time code').fill(code!);
    await page.getByLabel('Name').fill('ada');
    await page.getByLabel('Password (').fill(PASSWORD);
    await page.getByLabel('Password again').fill(PASSWORD);
    await page.getByRole('button', { name: 'Create the administrator' }).click();
    await page.getByRole('navigation').waitFor();
    const venue = new DirectAccount(JSON.parse(line) as ExchangeAddress);
    return new PaperDesk({ page, url: url!, venue, browser, dir, exchange, args, run });
  }
  /** Kills the run and its server at once, and starts both again at the same port after a while. */
  async killAndStart(downMs: number): Promise<void> {
    await this.#run.kill();
    await new Promise((done) => setTimeout(done, downMs));
    this.#run = new Program(...this.#args, new URL(this.url).port);
    await this.#run.says(/page +(http\S+)/);
  }
  async close(): Promise<void> {
    await this.#browser.close();
    await this.#run.end();
    await this.#exchange.end();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
