import { describe, expect, it } from 'vitest';
import type { Health } from './contract/records.ts';
import { colourOf } from './health.ts';
import { SERVICE_IDS, type Service } from './route.ts';

const CRITICAL: readonly Service[] = ['s1', 's3', 's4', 's5', 's6', 's12'];
const system = (bad: Partial<Record<Service, Health>> = {}) =>
  colourOf(SERVICE_IDS.map((service) => ({ service, status: bad[service] ?? 'OK' })));

describe('the colour of all services together', () => {
  it('is GREEN, YELLOW, ORANGE or RED by who is degraded and who fails, for each of the twelve', () => {
    expect(system()).toBe('GREEN');
    for (const s of SERVICE_IDS) {
      const critical = CRITICAL.includes(s);
      expect(system({ [s]: 'DEGRADED' }), s).toBe(critical ? 'ORANGE' : 'YELLOW');
      expect(system({ [s]: 'ERROR' }), s).toBe(critical ? 'RED' : 'ORANGE');
    }
  });
  it('is the worst of what holds', () => {
    expect(system({ s2: 'DEGRADED', s9: 'ERROR' })).toBe('ORANGE');
    expect(system({ s2: 'ERROR', s4: 'ERROR', s6: 'DEGRADED' })).toBe('RED');
    expect(system({ s2: 'DEGRADED', s7: 'DEGRADED' })).toBe('YELLOW');
  });
});
