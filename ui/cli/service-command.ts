import type { LiveProfile } from '../../graph/document/types.ts';
import type { BusOptions } from './bus-options.ts';

/** A supervisor starts again at once what died, so its services need not be waited for long. */
const SUPERVISED_LEASE_MS = 2000;

/** The arguments of the process that runs one service, made from those of the whole run. */
export function serviceArguments(
  file: string,
  o: BusOptions,
  service: string,
  state: string,
  live?: LiveProfile,
): string[] {
  const many = (name: string, values: readonly string[] | undefined): string[] =>
    (values ?? []).flatMap((v) => [name, v]);
  return [
    'run',
    file,
    '--bus',
    o.bus!,
    '--service',
    service,
    '--state',
    state,
    '--until-stdin-ends',
    '--lease-ms',
    String(o.leaseMs ?? SUPERVISED_LEASE_MS),
    ...(o.commitMs === undefined ? [] : ['--commit-ms', String(o.commitMs)]),
    // A live run's recordings are played by its venue.
    ...(live ? [] : many('--input', o.input)),
    ...(o.connect === undefined ? [] : ['--connect', o.connect]),
    ...(o.keys === undefined ? [] : ['--keys', o.keys]),
    ...(o.iAcceptLiveTrading ? ['--i-accept-live-trading'] : []),
    ...(o.session === undefined ? [] : ['--session', o.session]),
    ...(o.final ? ['--final'] : []),
    ...(o.capture === undefined ? [] : ['--capture', o.capture]),
    ...many('--set', o.set),
    ...many('--tap', o.tap),
    ...(o.profile === undefined ? [] : ['--profile', o.profile]),
    ...(o.store === undefined ? [] : ['--store', o.store]),
    ...(o.prefix === undefined ? [] : ['--prefix', o.prefix]),
    ...(o.publish === undefined ? [] : ['--publish', o.publish]),
    ...(o.tapAll === undefined ? [] : ['--tap-all', o.tapAll]),
    ...(o.seed === undefined ? [] : ['--seed', String(o.seed)]),
    ...(o.interpreted ? ['--interpreted'] : []),
  ];
}
