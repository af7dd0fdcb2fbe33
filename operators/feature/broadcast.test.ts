import { expect, it } from 'vitest';
import { Drive } from '../../graph/testing/drive.ts';
import { broadcast } from './broadcast.ts';

it('gives an instrument the value with its first event, and then whenever the value changes', () => {
  const d = new Drive(broadcast, {});
  const values = () => d.emitted.map((e) => [e.now, e.values['value']]);
  d.send(1, { each: {} });
  d.send(2, { value: { value: 0.5 } });
  d.send(3, { each: {} });
  d.send(4, { value: { value: 0.25 }, each: {} });
  expect(values()).toEqual([
    [2, 0.5],
    [4, 0.25],
  ]);
});
