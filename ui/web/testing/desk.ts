import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Role } from '../../api/contract/access.ts';
import { home } from '../../cli/version.ts';
import { launch } from './chromium.ts';
import { PASSWORD, RUN, type ServedRun, servedRun } from './served-run.ts';

export interface Look {
  readonly language?: 'en' | 'zh-Hant';
  readonly theme?: 'light' | 'dark';
  readonly width?: number;
  readonly height?: number;
}
export interface Person {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the console said as an error, but for answers that the page shows itself. */
  readonly errors: string[];
  open(path: string): Promise<void>;
}

/** What people's browsers are pointed at. */
export type Served = Pick<ServedRun, 'url' | 'person' | 'close'>;

/** A served run and a browser, with people at their desks. */
export class Desk<S extends Served = ServedRun> {
  readonly served: S;
  readonly browser: Browser;
  constructor(served: S, browser: Browser) {
    this.served = served;
    this.browser = browser;
  }
  static async open(options: Parameters<typeof servedRun>[0] = {}): Promise<Desk> {
    const served = await servedRun(options);
    return new Desk(served, await launch());
  }
  async close(): Promise<void> {
    await this.browser.close();
    await this.served.close();
  }

  /** A context of its own, not signed in. */
  async visitor(look: Look = {}): Promise<Person> {
    const { language = 'en', theme = 'light', width = 1440, height = 900 } = look;
    const context = await this.browser.newContext({
      viewport: { width, height },
      colorScheme: theme,
      baseURL: this.served.url,
    });
    context.setDefaultTimeout(25_000);
    await context.addInitScript(
      ({ kept }) => {
        if (!localStorage.getItem('chimera.settings')) localStorage.setItem('chimera.settings', kept);
      },
      { kept: JSON.stringify({ language, theme: 'system', zone: 'utc' }) },
    );
    const page = await context.newPage();
    const errors: string[] = [];
    page.on('pageerror', (e) => errors.push(e.message));
    page.on('console', (m) => {
      if (m.type() === 'error' && !/Failed to load resource|WebSocket connection/.test(m.text())) errors.push(m.text());
    });
    return { page, context, errors, open: (path) => page.goto(path).then(() => {}) };
  }
  /** Signed in: by the refresh cookie, as somebody who comes back. */
  async person(name: string, role: Role, look: Look = {}): Promise<Person> {
    await this.served.person(name, role);
    const p = await this.visitor(look);
    const answer = await p.context.request.post('/v1/login', {
      headers: { 'idempotency-key': crypto.randomUUID(), 'x-chimera': '1', origin: this.served.url.replace(/\/$/, '') },
      data: { name, password: PASSWORD },
    });
    if (!answer.ok()) throw new Error(`sign-in of ${name}: ${answer.status()} ${await answer.text()}`);
    return p;
  }
}
export const view = (name: string, run = RUN): string => `/app/runs/${run}/${name}`;

/** A picture for the documents: written only when asked for with UPDATE_IMAGES, looked at by people. */
export async function picture(page: Page, name: string): Promise<void> {
  if (process.env['UPDATE_IMAGES'] === undefined) return;
  const dir = join(home(), 'docs', 'images');
  mkdirSync(dir, { recursive: true });
  await page.screenshot({ path: join(dir, `${name}.png`) });
}
