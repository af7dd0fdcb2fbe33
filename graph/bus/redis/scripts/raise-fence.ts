import type { Script } from './script.ts';

/** Raises a partition's fence in a slot that it writes to. A fence only ever goes up. */
export const raiseFence: Script = {
  name: 'chimeraRaiseFence',
  lua: `
--[[
  KEYS[1] fence
  ARGV[1] token
  Result the token that the fence has now: ours, or a higher one
]]
local known = redis.call('GET', KEYS[1])
if known and tonumber(known) >= tonumber(ARGV[1]) then return known end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
`,
};
