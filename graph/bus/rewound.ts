import { ChimeraError } from '../schema/error.ts';

/** The bus knows less than its client does (CHM523): who reads or writes starts again from what the bus does know. */
export class Rewound extends ChimeraError {
  readonly stream: string;
  /** The last record that the bus has in order; nothing that follows it can be read. */
  readonly position: number;
  /** The bus goes on behind this record, and what lies between was removed; undefined: the bus knows less than its client. */
  readonly missingTo: number | undefined;
  constructor(stream: string, position: number, message: string, missingTo?: number) {
    super('CHM523', message, {
      help: 'sources append again from their journals, runners restart from the newest checkpoint; if it repeats, look at the persistence of Redis',
    });
    this.name = 'Rewound';
    this.stream = stream;
    this.position = position;
    this.missingTo = missingTo;
  }
}
