import type { CodeTable } from '../../graph/schema/index.ts';

/** What the API answers when it does not answer what was asked, and what keeps it from being served. */
export const CODES = {
  CHM1100: {
    title: 'not signed in',
    text: 'The route needs an access token in the header `Authorization: Bearer …`, and there was none. `POST /login` gives one; it lives for minutes, and `POST /refresh` renews it.',
  },
  CHM1101: {
    title: 'the token is not accepted',
    text: 'The access token has run out, was made for something else, was not signed by this installation, or belongs to a session that was ended. The answer does not say which. Sign in again.',
  },
  CHM1102: {
    title: 'name or password are wrong',
    text: 'There is no user of this name with this password. Which of the two is wrong is not said. After several failures the name is locked for a while (CHM1103).',
  },
  CHM1103: {
    title: 'locked after failed attempts',
    text: 'Too many failed attempts were made for this name. Until the time in the header `Retry-After` has passed even the right password is not looked at; each further series of failures makes the time longer, up to a quarter of an hour.',
  },
  CHM1104: {
    title: 'the session cannot be renewed',
    text: 'The refresh cookie is missing, has run out, or was used before. One that is used twice was copied: the whole session is ended then, for the copy and for the owner. Sign in again.',
  },
  CHM1105: {
    title: 'not allowed',
    text: 'The user is known and does not have the permission that the route names. Roles are given by an administrator (`PUT /users/:name`).',
  },
  CHM1106: {
    title: 'another person has to do this',
    text: 'Who proposes something does not approve it, whatever the roles. A second person with the permission has to decide.',
  },
  CHM1107: {
    title: 'a request from another origin',
    text: 'A browser sent a command that did not come from the operations page itself: the header `X-Chimera: 1` is missing, or origin and address do not agree. Programs outside of a browser send a token and neither cookie nor origin.',
  },
  CHM1108: {
    title: 'the one-time code is not accepted',
    text: 'The first administrator is made with the code that the program prints at its first start. It is wrong, or there is a user already. A new code is printed at each start until there is one.',
  },
  CHM1110: {
    title: 'the request is not valid',
    text: 'Address, query or body do not have the form that the route declares (see /openapi.json). `where` names the first field that is wrong. Nothing was stored.',
  },
  CHM1111: {
    title: 'no such route',
    text: 'There is nothing at this address, or not with this method. /openapi.json lists what there is.',
  },
  CHM1112: {
    title: 'there is no such thing',
    text: 'The route exists, and what it names does not: a run, a node, a proposal, a user, a document.',
  },
  CHM1113: {
    title: 'a command needs an idempotency key',
    text: 'Every command carries a header `Idempotency-Key` of 8 to 128 characters that its sender made up. The same command with the same key is done once, however often it arrives.',
  },
  CHM1114: {
    title: 'the idempotency key was used for something else',
    text: 'The same key came with another command or another body before. Keys are made anew for each command.',
  },
  CHM1115: {
    title: 'the same command is being worked on',
    text: 'A command with this idempotency key has been taken and has no answer yet. Ask again with the same key a little later.',
  },
  CHM1116: {
    title: 'too many requests',
    text: 'The limit of requests a minute is reached; `Retry-After` says when it is over. What changes often comes over the websocket and needs no requests.',
  },
  CHM1117: {
    title: 'the request cannot be read',
    text: 'The body is too large, is no JSON, or says that it is something else than `application/json`.',
  },
  CHM1118: {
    title: 'in a state that does not allow this',
    text: 'What was asked for has been decided, ended or changed by someone else in the meantime. Read it again; nothing was changed by this request.',
  },
  CHM1120: {
    title: 'nothing is behind this route yet',
    text: 'The specification names this route and the program has nothing yet that could answer it. It exists so that its address, permission and form are settled.',
  },
  CHM1121: {
    title: 'this run does not offer that',
    text: 'The run is known and cannot do what was asked: a run that has ended takes no commands, a run without a state folder has no documents, and a pipeline without such a node has nothing that could act.',
  },
  CHM1122: {
    title: 'the run did not answer in time',
    text: 'The thread of the run did not answer within the deadline. A command may still take effect: look at the state before sending it again, with the same idempotency key.',
  },
  CHM1125: {
    title: 'a fault of the API',
    text: 'Something failed that should not have. The log has the details under the correlation id of the answer.',
  },
  CHM1130: {
    title: 'the address is reachable by others',
    text: 'Passwords and tokens travel over this connection. On an address other than the loopback interface the API is only served with TLS: give `--tls-cert` and `--tls-key`, or put a proxy in front that ends TLS and speaks to the loopback address.',
  },
  CHM1131: {
    title: 'the API cannot be served at this address',
    text: 'The port is taken or not allowed, or the host is none of this machine. Name another with `--port`.',
  },
  CHM1132: {
    title: 'the signing key is not safe',
    text: 'The file with the key that signs tokens may be read by others, or is damaged. Who has read it can sign tokens for any user. Remove it and start again: a new one is made, and everyone has to sign in once more.',
  },
  CHM1133: {
    title: 'the audit log is broken',
    text: 'Each entry of the audit log holds the hash of the one before, and a seal holds how many there are. An entry was changed, removed, moved or put in, or the end was cut off. The number is that of the first entry that does not fit; everything before it is as it was written.',
  },
  CHM1134: {
    title: 'a service face needs a service identity',
    text: 'People come in through the gateway (port 8092). The faces of the single services accept tokens of service identities only.',
  },
  CHM1135: {
    title: 'the last administrator',
    text: 'Without an administrator nobody could make one again. Make another user administrator first.',
  },
  CHM1136: {
    title: 'the confirmation is not accepted',
    text: 'The kill switch is worked in two steps. The confirmation that the first one gave has run out, was used, or was made for another run or action. Begin with the first step again.',
  },
  CHM1137: {
    title: 'the tap is not accepted',
    text: 'A tap names a port of the running graph and a condition in CEL over its fields. The port does not exist, the condition does not fit its fields, or there are as many taps as one page may have.',
  },
  CHM1138: {
    title: 'work was ended before it was done',
    text: 'A dry-run, a sweep or a computation over the past runs as a process of its own, beside the run and with less priority. It took longer or said more than it may, it was cancelled, or nobody asked about it any more. Ask for less: fewer hours, a shorter range.',
  },
  CHM1139: {
    title: 'other work is under way',
    text: 'Dry-runs, sweeps and computations over the past take a processor, and a run may need the others: there is one at a time. Wait until the one under way has ended, or cancel it with `POST /jobs/:id/cancel`.',
  },
  CHM1140: {
    title: 'the order was not sent',
    text: 'An order by hand goes through the limits of the account: steps and least size of the instrument, a price near the book, the kill switch, places and margin. One of them refused it, and the message says which. The command and its refusal stand in the journal of the run; nothing left for the venue.',
  },
  CHM1141: {
    title: 'no bus is configured',
    text: 'Services that run as one process hand their records over in memory, and have no streams. Of services in processes of their own the page shows streams, readers and what was trimmed when it is served with the same `--bus` and `--prefix`.',
  },
  CHM1142: {
    title: 'notifications cannot go to this address',
    text: 'Alerts are posted to the address in CHIMERA_WEBHOOK_URL (or in the file that CHIMERA_WEBHOOK_URL_FILE names). It has to be an `https://` address, or one of this machine: what runs, and what is wrong with it, is nobody else’s business.',
  },
} as const satisfies CodeTable;
