import type { CodeTable } from './schema/error.ts';

/**
 * Everything that reading a pipeline can find. 0xx YAML, 1xx fields, 2xx wiring, 3xx port types, keys and tiers,
 * 4xx determinism and lookahead, 5xx delivery. Codes are never reused for something else.
 */
export const GRAPH_CODES = {
  CHM001: {
    title: 'not YAML',
    text: 'The text cannot be read as YAML 1.2. The place is that of the character to correct: the bracket or quote that is never closed, the line whose indentation meets no neighbour, the second `: ` of a line. Only the first finding of a line is shown, and nothing beyond syntax is checked until it is corrected.',
  },
  CHM002: {
    title: 'duplicate key',
    text: 'A mapping has the same key twice; this includes two nodes of the same id. The place is that of the second one; the help says where the first is. YAML readers disagree on which of the two counts, so neither may stay.',
  },
  CHM003: {
    title: 'tab as indentation',
    text: 'YAML indents with spaces only. Set the editor to insert spaces for the tab key.',
  },
  CHM004: {
    title: 'bad anchor or alias',
    text: 'An alias (`*name`) refers to no anchor (`&name`) before it, an anchor is defined twice, or contains itself. A text that begins with `*` or `&` must stand in quotes.',
  },
  CHM005: {
    title: 'document too large',
    text: 'A document has at most 1,048,576 characters, 64 levels and 100,000 values after its aliases are expanded. A real pipeline stays far below; what goes beyond is an open bracket, or aliases of aliases that multiply.',
  },
  CHM006: {
    title: 'more than one document in a file',
    text: 'A `---` begins a second YAML document. One file holds one pipeline, one profile or the tests of one pipeline.',
  },
  CHM007: {
    title: 'a key that is not text',
    text: 'Keys of mappings are plain text. A list or a mapping as a key is mostly an unquoted brace: put texts that contain `{`, `[` or `? ` in quotes.',
  },
  CHM008: {
    title: 'tag or directive',
    text: 'Tags (`!name`, `!!binary`) and directives (`%YAML 1.1`) are not supported: what a value is follows from how it is written, in YAML 1.2. `yes` and `no` are texts, `true` and `false` are not.',
  },
  CHM009: {
    title: 'a number that is not exact',
    text: 'A whole number beyond ±2^53 would be changed by being read. Ids of that size are written in quotes.',
  },
  CHM010: {
    title: 'empty, or not a mapping',
    text: 'A pipeline, a profile and a test file are mappings: `chimera: 1`, then their keys. Files with comments only, a list or a single text are something else.',
  },

  CHM101: {
    title: 'unknown key',
    text: 'The document, a node, a binding, a suppression or a test has a key that it does not know. The suggestion is the nearest known one. Options of a node type belong under its `with`; unknown ones there are CHM110.',
  },
  CHM102: {
    title: 'missing key',
    text: 'A key that must be there is not: `chimera`, `pipeline` and `nodes` of a document, `type` of a node. For the document the place is its first key, for a node its id.',
  },
  CHM103: {
    title: 'wrong kind of value',
    text: 'A key of the document holds a text where it needs a list, a list where it needs a mapping, and so on. No key takes two shapes, with one exception: `in` may be a single reference when the type has one required in-port.',
  },
  CHM104: {
    title: 'unknown version of the format',
    text: '`chimera:` says which version of the document format is meant. This program reads version 1.',
  },
  CHM105: {
    title: 'not a name',
    text: 'Node ids, parameters, presets, services and variadic inputs are lower-case letters, digits and `_`, beginning with a letter: they become file names, stream names and columns. Pipelines and profiles may also have `-` and `.`.',
  },
  CHM106: {
    title: 'not a duration',
    text: 'A duration is a whole number and a unit without space: `12us`, `250ms`, `5s`, `1m`, `4h`, `1d`. A bare number has no unit and is refused; fractions are written in the smaller unit (`1500ms`), sums as one number (`90m`).',
  },
  CHM107: {
    title: 'not one of the choices',
    text: '`each` can only be `instrument`; `on_error` is `stop` or `quarantine`.',
  },
  CHM108: {
    title: 'listed twice',
    text: 'A list names the same thing twice where once is all that it can mean.',
  },
  CHM110: {
    title: 'unknown option of a node type',
    text: 'The `with` of a node has an option that its type does not declare. The help lists the declared ones; `chimera explain <type>` describes them.',
  },
  CHM111: {
    title: 'missing option of a node type',
    text: 'An option without default is not given. The place is the key of the mapping that lacks it: `with`, or the id of a node without `with`, or the key of a mapping further in.',
  },
  CHM112: {
    title: 'wrong type of an option',
    text: 'An option has a text where its type takes a number, a fraction where it takes a whole number, and so on. Numbers in quotes are texts. A value that comes from a parameter is shown where it is written: under `params`, in the preset, or as `--set`.',
  },
  CHM113: {
    title: 'option out of range',
    text: 'The value of an option has the right type but is too small, too large, too long, no multiple of its step, or has not the form that is asked for. The help states the range and the default.',
  },
  CHM114: {
    title: 'not one of the choices of an option',
    text: 'The option takes one of the listed words. The suggestion is the nearest of them.',
  },
  CHM115: {
    title: 'the options do not fit together',
    text: 'Each option by itself may be right, but a rule of the node type over several of them is broken, as its message says; or the node type cannot give a layout of out-ports for this configuration.',
  },
  CHM120: {
    title: 'unknown parameter',
    text: 'A `$name`, a preset or `--set` refers to a parameter that `params:` does not declare. A text that really begins with `$` is written `$$name`.',
  },
  CHM121: {
    title: 'unused parameter (warning)',
    text: 'No value of the document refers to the parameter, so setting it changes nothing.',
  },
  CHM122: {
    title: 'unknown preset',
    text: '`--set preset=<name>` names no entry of `presets:`.',
  },
  CHM125: {
    title: 'a parameter refers to a parameter',
    text: 'Values of `params:` and `presets:` are plain values. References are resolved in `nodes:`, `services:` and profiles, once.',
  },
  CHM126: {
    title: 'a parameter inside a text (warning)',
    text: '`$name` stands for a whole value and is not replaced inside a longer text. Make the whole text a parameter.',
  },
  CHM130: {
    title: 'a profile binds an unknown node',
    text: 'A key of `bind:` is not the id of a node of the pipeline. A profile that serves several pipelines still binds only nodes that each of them has.',
  },
  CHM131: {
    title: 'a profile binds an operator',
    text: 'Profiles replace `type` and `with` of the outer ends of a graph: sources, sinks and the venue. What is in between must be the same live and offline; vary it with parameters and presets.',
  },
  CHM140: {
    title: 'a suppression without code or reason',
    text: '`allow` lists mappings of a `code` and a `reason`: both are needed, and the reason must be a sentence that a reader can judge.',
  },
  CHM141: {
    title: 'a suppression of what cannot be suppressed',
    text: 'The code does not exist, or it is an error. Only warnings can be suppressed, and the errors whose paragraph here says so.',
  },
  CHM142: {
    title: 'a suppression without effect (warning)',
    text: 'Nothing at this node (or, for `allow` of the document, anywhere) gives that code. Remove the suppression, so that it does not hide the next one.',
  },
  CHM150: {
    title: 'a test names an unknown node or port',
    text: 'A key of `given`, `expect`, `defaults` or `mocks` is not a node of the pipeline, or not an out-port of it. Events can be given on any out-port of any node.',
  },
  CHM151: {
    title: 'a test names an unknown field',
    text: 'The record of that port has no such field. The help lists its fields.',
  },
  CHM152: {
    title: 'a value of a test does not fit its field',
    text: 'A number where the field holds text, a word that is not among the choices, more decimals than the instrument has, a fraction where the field is whole. Amounts are written in units (`100.5`), times as ISO time, as µs or ms of the field, or as an offset (`5s`) from the start of the test.',
  },
  CHM153: {
    title: 'a given event is incomplete',
    text: 'A given event needs every field that is not nullable. What several events share can stand under `defaults:` of the test.',
  },
  CHM154: {
    title: 'not a time',
    text: '`at` is an offset from the start of the test (`1500ms`), an ISO time with zone (`2024-07-18T00:00:00Z`) or microseconds since the epoch. Given events come in order of time.',
  },
  CHM155: {
    title: 'a test has a key of instrument that does not fit',
    text: 'Streams keyed by instrument need `key: usdm:BTCUSDT` (it may be left out when the test declares exactly one instrument); other streams have none. Every key is declared under `instruments:` with its decimals.',
  },
  CHM156: {
    title: 'a test is not formed as a test',
    text: 'A test has a name of its own, and expects something: rows of a port, or findings of lint. Each expectation is a list of rows, `none`, or one of `contains`, `unordered`, `count`, `none`, `approx`.',
  },

  CHM200: {
    title: 'unknown node type',
    text: 'No node type of that name is registered. Types are called `room.name`; `chimera list` shows all of them.',
  },
  CHM201: {
    title: 'unknown input',
    text: 'A reference names a node, an out-port or a field that does not exist. References are `node`, `node.port`, `node.port.field`, or `node.field` when the node has one out-port.',
  },
  CHM202: {
    title: 'unknown in-port',
    text: 'A key of `in` is not an in-port of the node type, and the type takes no inputs with names of the document.',
  },
  CHM203: {
    title: 'loop without feedback',
    text: 'The nodes feed each other in one cycle, so none of them could run first. The out-port that closes the loop is listed under `feedback` of its node and is then delivered in a later cycle. The place is the reference that looks back.',
  },
  CHM204: {
    title: 'in-port not connected',
    text: 'A required in-port has no producer. The place is the key `in`, or the id of a node without `in`.',
  },
  CHM205: {
    title: '`in` must name the port',
    text: 'A single reference is enough only when the type has exactly one required in-port. All others are connected by name: `in: { bar: bars.bar, top: book.top }`.',
  },
  CHM206: {
    title: 'ambiguous reference',
    text: 'A reference names a node only, but the node has several out-ports and none with the name of the in-port.',
  },
  CHM207: {
    title: 'not a reference',
    text: 'References are one to three names with dots between them, without spaces.',
  },
  CHM208: {
    title: 'a sink has no out-ports',
    text: 'Sinks take events out of the graph; nothing can be read from them inside it.',
  },
  CHM209: {
    title: 'out-ports that depend on themselves',
    text: 'The layout of a node type whose out-ports follow from its inputs depends, around a loop, on its own out-ports. Put a node with a fixed layout into the loop.',
  },
  CHM210: {
    title: 'feedback that closes no loop (warning)',
    text: 'The port is delivered a cycle later for nothing: none of its consumers feeds the node. Remove it from `feedback`.',
  },
  CHM211: {
    title: 'a source has no inputs',
    text: 'Sources bring events into the graph; `in` means nothing for them.',
  },
  CHM212: {
    title: 'feedback names an unknown out-port',
    text: '`feedback` lists out-ports of its own node.',
  },
  CHM213: {
    title: 'delay without feedback (warning)',
    text: '`delay` is the engine time by which feedback edges are delivered later. Without `feedback` it has no effect; conflation and timers are nodes.',
  },
  CHM214: {
    title: 'a service lists an unknown node',
    text: 'An entry of `services:` is not the id of a node.',
  },
  CHM215: {
    title: 'a node without inputs (warning)',
    text: 'All in-ports of the node are optional or variadic and none is connected: nothing makes it run.',
  },

  CHM301: {
    title: 'the record does not fit',
    text: 'Every field of the in-port must exist in the record with the same kind, and choices of the producer must be known to the consumer; more fields never hurt. A single number is taken out of a record by naming its field.',
  },
  CHM302: {
    title: 'the field is not a number',
    text: 'A reference with a field takes one number out of a record. Texts, lists, choices and true/false are read from the whole record.',
  },
  CHM303: {
    title: 'a record is needed, not a number',
    text: 'The reference takes one number out of a record, but the in-port takes whole records.',
  },
  CHM304: {
    title: 'one instance meets the streams of all instruments',
    text: 'A node with one instance in all reads a stream that is keyed by instrument, and would mix them. `each: instrument` makes one instance per instrument; in-ports with key `any` are made for all at once.',
  },
  CHM305: {
    title: 'an instance per instrument meets a stream without key',
    text: "The in-port takes the stream of the instance's own instrument, but the stream has no key. In-ports declared with key `none` take what is the same for all.",
  },
  CHM306: {
    title: 'an in-port without key meets a keyed stream',
    text: 'The in-port takes one stream that is the same for all instruments, such as the state of the account, and got one that is keyed by instrument.',
  },
  CHM307: {
    title: 'an in-port for all instruments on a node per instrument',
    text: 'In-ports with key `any` read the streams of all instruments at once. Their node has one instance in all: it neither says `each: instrument` nor inherits a key from another input.',
  },
  CHM308: {
    title: 'several records meet an in-port for one',
    text: 'The out-port can carry several records in a cycle, the in-port takes one. Put a node between that takes the list: `flow.flatten` gives each record a cycle of its own, at the same time and in order; others sum the list up.',
  },
  CHM309: {
    title: 'bronze made of silver or gold',
    text: 'Bronze is what was received. A bronze node reads nothing that was derived from it, except over a feedback edge. This error can be suppressed with `allow` at the node, for nodes that only pass on.',
  },
  CHM310: {
    title: 'silver made of gold (warning)',
    text: 'A feature reads signals, orders or labels: it cannot be computed before decisions are made, and a training set of it holds what the strategy did. Feedback edges and sinks are left out.',
  },
  CHM311: {
    title: 'a source with `each`',
    text: 'A source has one instance and serves all instruments; the nodes that read it are the ones to have an instance per instrument.',
  },

  CHM401: {
    title: 'an input would see the future',
    text: 'A port declared `future` holds what is known only after its time: a label. It was connected, directly or over other nodes, to an in-port that is not declared for such values. A backtest of that graph would trade on what it could not know. Labels may reach in-ports declared `future` (training sets, evaluations) and nothing else; this error cannot be suppressed.',
  },
  CHM402: {
    title: 'outside the determinism contract (warning)',
    text: 'The node type is declared `external`: its outputs are not a function of the journal. What depends on it can differ in a replay. Use a journaled type, or allow it at the node and say why.',
  },

  CHM501: {
    title: 'an rx node without snapshot',
    text: 'An rx node has state but supplies no `snapshot` and `restore`, so no checkpoint can carry it. Supply both, write the node in step form, or declare it `stateless`. Found when the graph is built.',
  },
  CHM502: {
    title: 'feedback across services without delay',
    text: 'A feedback edge goes from one service to another. The services run apart, each behind the frontier of the other; only a `delay` of engine time gives them the look-ahead to go on. The latency of a venue is such a delay.',
  },
  CHM503: {
    title: 'a node in no service',
    text: 'The document has `services:`, so each node must be in one of them: otherwise it would run nowhere once they are started apart.',
  },
  CHM504: {
    title: 'a node in two services',
    text: 'A node runs in one service. Others read its outputs over the bus.',
  },
  CHM505: {
    title: 'a service without nodes (warning)',
    text: 'The service has an empty list.',
  },
  CHM506: {
    title: 'a family of streams lists an unknown node',
    text: 'An entry of `streams:` is neither the id of a node nor the name of a service. A service stands for all of its nodes that are not listed themselves.',
  },
  CHM507: {
    title: 'a node in two families of streams',
    text: 'All records that a node sends to other parts of the graph travel in one family of streams, so that their order is that in which they were sent.',
  },
  CHM508: {
    title: 'not a name of a family of streams',
    text: 'Families of streams are lower-case letters, digits, `:`, `_` and `-`, beginning with a letter. The stream of an instrument is the family and the instrument in braces, `mkt:{usdm:BTCUSDT}`, so a family has no braces itself. Some first words are kept for what else lies on the bus.',
  },
  CHM509: {
    title: 'streams without effect (warning)',
    text: 'Records travel in streams where a graph is cut along its `services:`. Without services, for an empty list, and for nodes whose records stay in their part, a name of streams changes nothing.',
  },
} as const satisfies CodeTable;

/** Codes whose findings do not keep a pipeline from running. */
export const WARNINGS: ReadonlySet<string> = new Set([
  'CHM121',
  'CHM126',
  'CHM142',
  'CHM210',
  'CHM213',
  'CHM215',
  'CHM310',
  'CHM402',
  'CHM505',
  'CHM509',
]);

/** Errors that `allow` may suppress, as their paragraphs say. */
export const SUPPRESSIBLE: ReadonlySet<string> = new Set(['CHM309']);
