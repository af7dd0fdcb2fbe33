import type { CodeTable } from '../schema/index.ts';

/** Codes of putting another graph in the place of a running one. */
export const CODES = {
  CHM750: {
    title: 'the new graph was taken back',
    text: 'A cycle failed in the first moments of a reloaded graph. Nothing of it had left: the run went back to the commit at which the new graph had taken over and goes on with the old one, whose states, journals and open orders are as they were. The message names the node and the input. Mend the document, look at it with a dry run, and reload again.',
  },
  CHM751: {
    title: 'a running graph cannot become this one',
    text: 'Sources, sinks and gateways hold connections, files and orders of the run, so they are kept, added or dropped, and their options never change under way (what a sink reads may). A source or sink with other options is another one: give it another id. A gateway (the venue that orders go to) stays as long as the run does, and so does the name of the pipeline. The running graph goes on as it was.',
  },
  CHM752: {
    title: 'the new graph could not be built',
    text: 'Something of the new graph could not be opened or compiled, before it had run anything. The message says what. The running graph goes on as it was.',
  },
  CHM753: {
    title: 'a reload is under way already',
    text: 'One graph takes the place of another at a time. Wait for the answer of the reload that was asked for before.',
  },
  CHM754: {
    title: 'the run ended before the reload',
    text: 'A reload happens between two commits of a running graph, and this run was over or was stopped before it came to one.',
  },
  CHM755: {
    title: 'the inputs end before a change of the graph',
    text: 'The history of the run says that another graph took over behind an input which the journals, or the captured lake, do not have. They are of another run, or a loss of power took their ends.',
  },
  CHM756: {
    title: 'a graph of the run is not known',
    text: 'The history of the run names a graph by its hash, and the document that it was read from is not there or gives another graph now: node types may have changed with the program since. Use the version of the program that ran it.',
  },
} as const satisfies CodeTable;
