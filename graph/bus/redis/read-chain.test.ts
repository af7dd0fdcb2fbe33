import { describe, expect, it } from 'vitest';
import { ReadChain } from './read-chain.ts';

const bytes = new Uint8Array();
const rewound = (position: number) => expect.objectContaining({ code: 'CHM523', stream: 's', position });

describe('where a reader stands in a stream', () => {
  it('follows what joins on, and passes over what was read', () => {
    const chain = new ReadChain('s', 2, 5);
    expect(chain.id).toBe('5-0');
    expect(chain.follow('5-1', 5, bytes)).toEqual({ stream: 2, prev: 5, last: 5, payload: bytes });
    expect(chain.follow('8-0', 4, bytes)).toMatchObject({ prev: 4, last: 8 });
    expect(chain.follow('8-0', 4, bytes)).toBeUndefined();
    expect(chain.follow('7-0', 6, bytes)).toBeUndefined();
    expect(chain).toMatchObject({ position: 8 });
  });
  it('is rewound by a gap, and by positions that lie before its own', () => {
    const chain = new ReadChain('s', 0, 5);
    expect(() => chain.follow('9-0', 6, bytes)).toThrow(rewound(5));
    expect(() => chain.follow('6-1', 6, bytes)).toThrow(rewound(5));
    expect(() => chain.confirm(4)).toThrow(rewound(4));
    chain.confirm(5);
    expect(chain.missing(9)).toEqual(rewound(5));
  });
});
