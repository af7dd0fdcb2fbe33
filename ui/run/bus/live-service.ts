import { join } from 'node:path';
import type { Part } from '../../../graph/cut/cut.ts';
import { LiveEnds, type PartLive } from '../../../graph/cut/live-ends.ts';
import { ChimeraError } from '../../../graph/schema/index.ts';
import { lastRecordOf } from '../../../lake/journal/journal-reader.ts';
import type { SegmentPolicy } from '../../../lake/journal/segment-policy.ts';
import type { S3Options } from '../../../lake/s3/s3-options.ts';
import type { Connection } from '../connection.ts';
import { RunJournals } from '../journals.ts';

/** What makes the services of a process trade. */
export interface LiveService {
  readonly connection: Pick<Connection, 'access' | 'clock'>;
  /** The sources stop, and with them the whole run, wherever its services are. */
  readonly finish: AbortSignal;
  /** It is over then, and what is open is closed; otherwise it may go on later. */
  readonly final: boolean;
  /** Name of the run from this start to its stop, the same for all its services. */
  readonly session: string;
}
export interface LiveJournalsJob {
  /** Folder of journals and sent orders. */
  readonly state: string;
  /** Lake that finished segments of the journals become part of. */
  readonly capture?: string;
  readonly s3?: S3Options;
  readonly segments?: Partial<SegmentPolicy>;
}

/** The connections of one process to the world, and the journals of what they bring in. */
export class LiveEntrances {
  readonly ends = new LiveEnds();
  readonly #live: LiveService;
  readonly #job: LiveJournalsJob;
  readonly #journals: RunJournals[] = [];

  constructor(live: LiveService, job: Partial<LiveJournalsJob>) {
    this.#live = live;
    const { state, ...rest } = job;
    if (state === undefined)
      throw new ChimeraError('CHM925', 'live services need a folder for what must not be lost', {
        help: 'name one with --state: what the market said and which orders were sent is remembered there',
      });
    this.#job = { state, ...rest };
  }
  /** @throws CHM625 when the lake holds another run */
  async open({ nodes }: Part): Promise<{ live: PartLive; journals: RunJournals | undefined }> {
    const { clock } = this.#live.connection;
    const sources = nodes.filter((n) => n.node.type.kind === 'source').map((n) => n.id);
    const { state, capture, s3, segments } = this.#job;
    let journals: RunJournals | undefined;
    if (sources.length > 0) {
      journals = new RunJournals({
        state,
        // A Redis that forgets everything is filled again from them.
        keep: true,
        ...(capture === undefined ? {} : { capture }),
        ...(s3 ? { s3 } : {}),
        ...(segments ? { policy: segments } : {}),
      });
      await journals.check(sources);
      this.#journals.push(journals);
      // Sources stamp from the moment they open: behind everything that an earlier life was told.
      clock.notBefore(this.#lastUs(sources));
    }
    const live: PartLive = {
      clock,
      finish: this.#live.finish,
      ends: this.ends,
      lastUs: (ids) => this.#lastUs(ids),
      wrap: (source, reader, keys) => journals!.open(source, reader, keys),
      sync: () => {
        for (const j of this.#journals) j.sync();
      },
    };
    return { live, journals };
  }
  #lastUs(sources: readonly string[]): number {
    return Math.max(...sources.map((id) => lastRecordOf(join(this.#job.state, 'journal', id)).t));
  }
  /** Closes everything. @param done what the journals hold becomes part of the lake; otherwise it waits for the next start */
  async close(done: boolean): Promise<void> {
    await this.ends.close();
    for (const j of this.#journals) await (done ? j.finish() : j.abandon());
  }
}
