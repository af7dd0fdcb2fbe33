import type { CodeTable } from '../schema/error.ts';

/** What can go wrong between the parts of a graph that was cut: the bus and who holds what on it. */
export const CODES = {
  CHM520: {
    title: 'this Redis cannot be the bus',
    text: 'The address cannot be read, the password is refused, the server is older than 6.2, is a replica, or may evict keys under memory pressure. A bus must keep what it acknowledged: set `maxmemory-policy noeviction`, switch on the append-only file, and name the primary. `redis+cluster://host:port,host:port` is the address of a Cluster, `redis://host:port/0` that of a single node.',
  },
  CHM521: {
    title: 'another runner holds the partition',
    text: 'The lease of a partition was lost: it ran out while the runner was silent (paused, starved of time, cut off from Redis), or another runner took it. Nothing that this runner still wants to write is accepted, in any slot. It may stop, or acquire the partition again, which makes it wait for its turn and start from the newest checkpoint.',
  },
  CHM522: {
    title: 'waiting for the bus was ended',
    text: 'Whoever waited for a lease was told to stop, or the bus was closed under it. Nothing was written.',
  },
  CHM523: {
    title: 'the bus knows less than its clients',
    text: 'Redis answers with a position that lies before what a client already wrote or read: it was restarted empty, lost the end of its append-only file, or a replica took over that had not heard of everything. Or records that are still wanted were removed. Sources append again from their journals, and runners restart from the newest checkpoint that the positions support; numbers are deterministic, so repeats do no harm. When it comes again and again, Redis loses data: look at its persistence.',
  },
  CHM524: {
    title: 'Redis cannot be reached',
    text: 'No connection, no answer in time, or the server is still loading its data. Writes wait and are tried again for as long as it takes; nothing is lost. Check that the server runs, the address, and the network.',
  },
  CHM525: {
    title: 'Redis is out of memory',
    text: 'Redis reached its `maxmemory` and refuses to write. Writes wait and are tried again. Raise `maxmemory`, or find the consumer that lags: streams are only trimmed behind the slowest one.',
  },
  CHM526: {
    title: 'Redis is read-only',
    text: 'The server became a replica, mostly after a fail-over. The connection is made anew and the write tried again. When it lasts, the address names a replica: use that of the primary, or of the Cluster.',
  },
  CHM527: {
    title: 'Redis cannot write to its disk',
    text: 'Redis refuses writes because its append-only file or snapshot cannot be written: mostly a full disk. Writes wait and are tried again. Make room on the disk of the server.',
  },
  CHM528: {
    title: 'the Redis Cluster is not complete',
    text: 'A slot has no primary at this moment: a fail-over or a move of slots is going on, or a node is missing for good. Writes wait and are tried again. `redis-cli cluster info` and `cluster nodes` show what is missing.',
  },
  CHM529: {
    title: 'the bus was asked for something impossible',
    text: 'A call that cannot be carried out: a batch of which one part is there already and that cannot be cut, a checkpoint older than the stored one, a write into a slot that was not named when the partition was acquired, or an answer of Redis that has no meaning here. The message says which. It is a fault of the program or of a user’s rights on the server (ACL).',
  },
} satisfies CodeTable;
