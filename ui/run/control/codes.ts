import type { CodeTable } from '../../../graph/schema/index.ts';

/** Errors of the socket by which other processes of the machine talk to a run. */
export const CODES = {
  CHM955: {
    title: 'no run can be reached at this folder',
    text: 'A live run listens on a socket of its state folder, readable by its owner only; `control.json` there says where. There is no run with this folder, it has ended or was killed, another user runs it, or it is not a live run. What was to be told to it has not been told.',
  },
  CHM956: {
    title: 'the control socket was spoken to in another way',
    text: 'A request is one line of JSON: `{"v":1,"id":"…","kind":"…"}` with the fields of its kind, at most 64 KiB. The message says what is wrong. `docs/OPERATIONS.md` describes the protocol.',
  },
  CHM957: {
    title: 'the run does not know this kind of request',
    text: 'Which kinds there are depends on what the run is made of: `hello` lists them. A program that is newer than the run may know more than it.',
  },
  CHM958: {
    title: 'another run has this state folder',
    text: 'A state folder belongs to one run at a time: journals and checkpoints of two would destroy one another. A process answers on the socket of the folder. Stop it first, or use another folder.',
  },
  CHM959: {
    title: 'the run did not answer in time',
    text: 'The request was sent, and the run did not answer within the deadline. Whether it was done is not known: ask for the state, or send the same request again with the same idempotency key, which does nothing twice.',
  },
} as const satisfies CodeTable;
