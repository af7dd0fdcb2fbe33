import { describe, expect, it } from 'vitest';
import type { BusState } from '../bus.ts';
import { Health } from './health.ts';
import { troubleOf } from './trouble.ts';

describe('trouble with Redis', () => {
  it.each([
    ['connect ECONNREFUSED 127.0.0.1:1', 'CHM524'],
    ['Connection is closed.', 'CHM524'],
    ["Stream isn't writeable and enableOfflineQueue options is false", 'CHM524'],
    [
      'Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest" option for details.',
      'CHM524',
    ],
    ["Socket timeout. Expecting data, but didn't receive any in 10000ms.", 'CHM524'],
    ['LOADING Redis is loading the dataset in memory', 'CHM524'],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'CHM525'],
    ['ERR Error running script: @user_script:1: OOM command not allowed', 'CHM525'],
    ["READONLY You can't write against a read only replica.", 'CHM526'],
    ['MISCONF Errors writing to the AOF file: No space left on device', 'CHM527'],
    ['CLUSTERDOWN The cluster is down', 'CHM528'],
    ['Too many Cluster redirections. Last error: ReplyError: MOVED 1 127.0.0.1:2', 'CHM528'],
    ['TRYAGAIN Multiple keys request during rehashing of slot', 'CHM528'],
  ])('passes, and has a code by its kind: %s', (message, code) => {
    expect(troubleOf(new Error(message), 'redis://a:1/0')).toMatchObject({ code, passing: true });
  });
  it.each([
    ['WRONGPASS invalid username-password pair or user is disabled.', 'CHM520'],
    ['NOAUTH Authentication required.', 'CHM520'],
    ["NOPERM User x has no permissions to run the 'evalsha' command", 'CHM520'],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'CHM529'],
  ])('stays when waiting does not cure it: %s', (message, code) => {
    expect(troubleOf(new Error(message), 'redis://a:1/0')).toMatchObject({ code, passing: false });
  });
  it('shows for as long as anyone has it, and who watches hears of each change once', () => {
    const heard: BusState[] = [];
    let t = 0;
    const health = new Health(
      () => ++t,
      (s) => heard.push(s),
    );
    const [a, b] = [{}, {}];
    health.trouble(a, 'CHM524', 'gone');
    health.trouble(b, 'CHM524', 'gone');
    health.trouble(b, 'CHM525', 'full');
    health.well(a);
    health.well(a);
    health.well(b);
    expect(heard.map((s) => s.code)).toEqual(['CHM524', 'CHM525', undefined]);
    expect(heard.map((s) => s.since)).toEqual([2, 3, 4]);
    expect(health.state.message).toBe('connected');
  });
});
