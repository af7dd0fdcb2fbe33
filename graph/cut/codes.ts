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
    text: 'Bytes in a stream are not what this version of the program writes: damaged, written by something else, or by another version. The part puts the entry aside as a dead letter (`chimera dlq ls`), leaves out its records, counts them, and goes on; what it left out is part of its commits. Where the document says `on_poison: { <stream>: stop }` it stops instead: repair what wrote them and start with another prefix, or take the line out and start it again.',
  },
  CHM516: {
    title: 'what was run can no longer be read',
    text: 'A part went back to a commit, and an entry that it had run after that commit can no longer be read: it was damaged or removed in between. The part cannot make its results again, and cannot take them back either. Start all services again under another prefix; the journals of the sources have everything.',
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
