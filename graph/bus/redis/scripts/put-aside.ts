import type { Script } from './script.ts';

/** Puts an entry that a partition left out aside, once for its mark. */
export const putAside: Script = {
  name: 'chimeraPutAside',
  lua: `
--[[
  KEYS[1] dead letters
  KEYS[2] marks   hash: mark → time, of what was put aside
  ARGV[1] mark
  ARGV[2] time, ms since the epoch
  ARGV[3…] fields and values of the dead letter
  Result 1, or 0 when it was put aside before
]]
if redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('XADD', KEYS[1], '*', unpack(ARGV, 3))
return 1
`,
};
