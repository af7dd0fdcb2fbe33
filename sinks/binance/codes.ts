import type { CodeTable } from '../../graph/schema/index.ts';

/** Codes of the order gateway. */
export const CODES = {
  CHM960: {
    title: 'the order gateway needs a state folder',
    text: 'Every order is written to disk before it is sent, so that a run that starts again neither loses nor doubles it. Give the run a folder with --state.',
  },
  CHM961: {
    title: 'the exchange does not let the gateway in',
    text: 'At the start the gateway asks for the account. That request failed; the message says why. Check the API key, its permissions and allowed addresses, and the clock of this machine.',
  },
  CHM962: {
    title: 'the account is in hedge mode',
    text: 'Positions are kept one-way here: one signed quantity for each instrument. Close all positions and switch the position mode of the account to one-way.',
  },
  CHM963: {
    title: 'a command came again with other contents',
    text: 'A command is recognised by the input that caused it and its place behind that input. The same place now holds another command than the one on disk, so the pipeline is not the one that ran before (or is not deterministic). Nothing was sent. Start with the pipeline of the first run, or with a new state folder.',
  },
  CHM966: {
    title: 'the outcome of a transfer is unknown',
    text: 'A transfer was sent and no answer came, and the exchange could not yet be asked. It is not repeated; asking again with the same id gives the outcome.',
  },
  CHM967: {
    title: 'leverage or margin mode could not be set',
    text: 'At the start the gateway sets the leverage and isolated margin that the pipeline asks for. The exchange refused; an open position or open orders on the instrument are the usual reason.',
  },
  CHM968: {
    title: 'the account may not trade on Spot',
    text: 'At the start the gateway asks for the account, and the exchange says that it may not trade. Allow Spot trading for the API key, and see whether the account itself is restricted.',
  },
  CHM969: {
    title: 'ours could not be compared with the exchange’s',
    text: 'Somebody asked for a reconciliation. There is no gateway yet whose exchange could be read, or it did not answer in time. Comparisons also happen by themselves: at the start, after each reconnect, and every `sweep`.',
  },
} as const satisfies CodeTable;
