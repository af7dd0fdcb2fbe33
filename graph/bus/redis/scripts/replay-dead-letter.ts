import type { Script } from './script.ts';

/** Hands a dead letter to its group once more, and forgets it: both or none. */
export const replayDeadLetter: Script = {
  name: 'chimeraReplayDeadLetter',
  lua: `
--[[
  KEYS[1] dead letters
  KEYS[2] retry stream of the group
  ARGV[1] id of the dead letter
  ARGV[2] payload that takes the place of its own, if there is one
  Result 1, 0 when there is none of this id (any more), -1 when it has no payload
  Which records of a numbered stream it held (prev, after, last) goes with it.
]]
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if #found == 0 then return 0 end
local field = {}
for i = 1, #found[1][2], 2 do field[found[1][2][i]] = found[1][2][i + 1] end
local payload = ARGV[2] or field['b']
if not payload then return -1 end
local fields = {'from', field['id'], 'b', payload}
for _, name in ipairs({'prev', 'after', 'last'}) do
  if field[name] then
    fields[#fields + 1] = name
    fields[#fields + 1] = field[name]
  end
end
redis.call('XADD', KEYS[2], '*', unpack(fields))
redis.call('XDEL', KEYS[1], ARGV[1])
return 1
`,
};
