import type { AccountEngine } from '../contract.ts';
import { UsdmEngine } from './engine.ts';
import type { UsdmOptions } from './options.ts';

export type { UsdmOptions } from './options.ts';

/** An account of USD-M futures with its private routes and user events. */
export const createUsdmEngine = (options: UsdmOptions): AccountEngine => new UsdmEngine(options);
