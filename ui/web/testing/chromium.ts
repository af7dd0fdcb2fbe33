import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The browser of the system; undefined where there is none. Nothing is downloaded. */
export const chromiumPath = (): string | undefined =>
  process.env['CHIMERA_CHROMIUM'] ?? PLACES.find((p) => existsSync(p));

export const NO_BROWSER = 'no chromium: install the package `chromium`, or name one with CHIMERA_CHROMIUM';

export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath: chromiumPath()!, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
