import type { CodeTable } from '../../graph/schema/index.ts';

/** Faults of the served exchange. What it answers to a client (−1021, −2019 …) is Binance's own, not one of these. */
export const CODES = {
  CHM830: {
    title: 'the venue does not listen beyond this machine unasked',
    text: 'The venue speaks plain HTTP and one key opens its whole account, so it listens on a loopback address. To let other machines in, name the address with `--host` and say so with `--expose`; put a proxy with TLS in front where strangers share the network.',
  },
  CHM831: {
    title: 'the venue cannot listen on this port',
    text: 'The port is taken, or this user may not use it. Name another with `--usdm-port` or `--spot-port`; 0, the default, takes a free one.',
  },
  CHM832: {
    title: 'fault scenario cannot be understood',
    text: 'The file given with `--faults` is not a fault scenario; the message names line and column. A scenario is a mapping with `chimera_faults: 1`, an optional `seed` and a list `faults`; `docs/VENUE.md` lists the kinds and what each takes.',
  },
  CHM833: {
    title: 'the played market stopped',
    text: 'The market that the venue plays failed and stands still from here on; the message has the cause. The venue goes on answering, with the last state of the market.',
  },
  CHM834: {
    title: 'an option of the venue cannot be used',
    text: 'An option of the venue is out of range or contradicts another; the message names it.',
  },
} as const satisfies CodeTable;
