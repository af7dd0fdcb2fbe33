/** Codes of what lies outside a service and passes by itself, or once somebody has mended it: no room, no server, a device that fails. */
const PASSING: ReadonlySet<string> = new Set([
  'CHM524',
  'CHM525',
  'CHM526',
  'CHM527',
  'CHM528',
  'CHM542',
  'CHM605',
  'CHM606',
  'CHM855',
]);

export const isPassingCode = (code: string | undefined): code is string => code !== undefined && PASSING.has(code);
/** Trying again can help, after a pause. */
export const isPassing = (error: unknown): boolean => isPassingCode((error as { code?: string }).code);
