import type { Script } from './script.ts';

/** Puts an entry that cannot be worked on aside and acknowledges it, both or none, and once. */
export const deadLetter: Script = {
  name: 'chimeraDeadLetter',
  lua: `
--[[
  KEYS[1] stream
  KEYS[2] dead letters
  ARGV[1] group
  ARGV[2] id of the entry
  ARGV[3] reason
  ARGV[4] what went wrong
  ARGV[5] time, ms since the epoch
  ARGV[6] name of the stream that the entry came from
  ARGV[7] payload, if there is one
  Result 1, or 0 when the entry was not pending any more
]]
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
local fields = {'reason', ARGV[3], 'error', ARGV[4], 'time', ARGV[5], 'stream', ARGV[6], 'group', ARGV[1], 'id', ARGV[2]}
if ARGV[7] then
  fields[#fields + 1] = 'b'
  fields[#fields + 1] = ARGV[7]
end
redis.call('XADD', KEYS[2], '*', unpack(fields))
return 1
`,
};
