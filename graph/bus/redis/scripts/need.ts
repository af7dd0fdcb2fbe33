import { appendFunctions } from './append.ts';
import type { Script } from './script.ts';

/** Says for streams of one slot up to where a consumer no longer needs them. What was said is never taken back. */
export const need: Script = {
  name: 'chimeraNeed',
  lua: `
--[[
  KEYS[1] fence
  KEYS[2…] need   a hash for each stream: consumer → position
  ARGV[1] token, or "" in a slot that the consumer does not write to
  ARGV[2] consumer
  ARGV[3…] position, one for each need hash
  Result {"OK"} or {"FENCED", token} or {"UNRAISED", token}
]]
${appendFunctions}
if ARGV[1] ~= '' then
  local refused = fenced(KEYS[1], ARGV[1])
  if refused then return refused end
end
for k = 2, #KEYS do
  local known = redis.call('HGET', KEYS[k], ARGV[2])
  if not known or tonumber(known) < tonumber(ARGV[k + 1]) then
    redis.call('HSET', KEYS[k], ARGV[2], ARGV[k + 1])
  end
end
return {'OK'}
`,
};
