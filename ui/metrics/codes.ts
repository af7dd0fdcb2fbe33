import type { CodeTable } from '../../graph/schema/index.ts';

/** Errors of the address at which a process shows its metrics and health. */
export const CODES = {
  CHM990: {
    title: 'the address of the metrics cannot be used',
    text: 'Metrics, health and readiness are served at an address that is written PORT or HOST:PORT; without a host it is the loopback interface. The port is taken by another process, not allowed, or the host is none of this machine. A host that others reach shows them figures of the run, so it is only used when it is named.',
  },
} as const satisfies CodeTable;
