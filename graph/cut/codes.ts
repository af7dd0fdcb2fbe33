import type { CodeTable } from '../schema/index.ts';

/** What can be wrong with a graph that is to run in parts. */
export const CODES = {
  CHM510: {
    title: 'two parts joined by a delivery without delay',
    text: 'A node sends records that are delivered one by one or fed back without delay, and who takes them runs in another part of the graph. Such deliveries come at the same engine time, in an order that only one part can keep. Put both nodes into one service, with nothing of another service between them, or give the feedback a `delay`. A sink is a part of its own: it reads ports that are delivered in their cycle, or after a delay. Lint shows it at the item of `feedback`, or at the reference that reads the port.',
  },
  CHM511: {
    title: 'two parts write to one family of streams',
    text: 'Each stream has one writer. The nodes listed under one name in `streams:` run in different services, or in one service before and after another one had its turn. Give each of them a name of its own. Lint shows it at the entry of the second one.',
  },
  CHM513: {
    title: 'an entry of a stream cannot be read',
    text: 'Bytes in a stream are not what this version of the program writes: damaged, written by something else, or by a newer version. Where a part of the graph depends on them it stops, because what follows would be another result. Remove what wrote them, or start with another prefix.',
  },
  CHM514: {
    title: 'another graph on the same bus',
    text: 'What lies on the bus under these names was written by a graph with another hash. Services that belong together are started with the same pipeline, profile and parameters; another graph takes another prefix.',
  },
  CHM515: {
    title: 'a node that waits cannot run in a part',
    text: 'Asynchronous nodes are awaited within their cycle, which only the embedded run does. Run the pipeline without --bus.',
  },
} as const satisfies CodeTable;
