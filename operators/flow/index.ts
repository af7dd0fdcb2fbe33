import { flatten } from './flatten.ts';

export { flatten } from './flatten.ts';

/** Node types that change how records flow, and nothing in them. */
export const flowNodes = [flatten] as const;
