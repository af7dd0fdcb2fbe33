import type { Route } from './route.ts';
import { config } from './routes/config.ts';
import { decisions } from './routes/decide.ts';
import { health } from './routes/health.ts';
import { operations } from './routes/operations.ts';
import { past } from './routes/past.ts';
import { people } from './routes/people.ts';
import { runs } from './routes/runs.ts';
import { trading } from './routes/trading.ts';
import { unbuilt } from './routes/unbuilt.ts';

/** Every route there is: what is served, what the OpenAPI document says and what the tests of permissions walk through. */
export const routes: readonly Route[] = [
  ...health,
  ...people,
  ...runs,
  ...decisions,
  ...trading,
  ...config,
  ...operations,
  ...past,
  ...unbuilt,
];
