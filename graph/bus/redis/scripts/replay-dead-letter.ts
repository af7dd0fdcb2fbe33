import type { Script } from './script.ts';

/** Hands a dead letter to its group once more, and forgets it: both or none. */
export const replayDeadLetter: Script = {
  name: 'chimeraReplayDeadLetter',
  lua: `
--[[
  KEYS[1] dead letters
  KEYS[2] retry stream of the group
  ARGV[1] id of the dead letter
  Result 1, 0 when there is none of this id (any more), -1 when it has no payload
]]
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if #found == 0 then return 0 end
local field = {}
for i = 1, #found[1][2], 2 do field[found[1][2][i]] = found[1][2][i + 1] end
if not field['b'] then return -1 end
redis.call('XADD', KEYS[2], '*', 'from', field['id'], 'b', field['b'])
redis.call('XDEL', KEYS[1], ARGV[1])
return 1
`,
};
