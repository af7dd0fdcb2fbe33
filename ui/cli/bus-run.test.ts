import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { main } from './main.ts';

describe('a service that its supervisor has started', () => {
  it('lets the process end when there is no bus, so that it is started again, instead of listening to its supervisor forever', async () => {
    let isListening = false;
    const stdin = Object.assign(new EventEmitter(), {
      resume: () => {
        isListening = true;
      },
      pause: () => {
        isListening = false;
      },
    });
    let err = '';
    const listened: boolean[] = [];
    const code = await main(
      ['run', 'pipelines/trend.yaml', '--bus', 'redis://127.0.0.1:1/0', '--service', 's2', '--until-stdin-ends'],
      {
        stdout: { write: () => listened.push(isListening) },
        stderr: {
          write: (s) => {
            err += s;
          },
        },
        env: {},
        stdin,
      },
    );
    expect(err).toContain('CHM524');
    expect(code).not.toBe(0);
    expect(isListening).toBe(false);
  });
});
