import { ChimeraError } from '../../graph/schema/index.ts';

/** Passes an integer on while doubles hold every integer around it; CHM850 beyond ±2^53. */
export function exact(value: number, field: string): number {
  if (value <= Number.MAX_SAFE_INTEGER && value >= -Number.MAX_SAFE_INTEGER) return value;
  throw new ChimeraError('CHM850', `${field} is beyond 2^53: ${value}`, {
    field,
    help: 'use a smaller bar or band, or give the instrument fewer decimals at import',
  });
}
