import { appendFunctions } from './append.ts';
import type { Script } from './script.ts';

/**
 * Removes from streams of one slot what none of the named consumers needs. The last entry always stays: it carries the frontier
 * that a consumer may still have to hear of.
 */
export const trim: Script = {
  name: 'chimeraTrim',
  lua: `
--[[
  KEYS[1] fence
  KEYS[2…] three for each stream: its position, the stream, its need hash
  ARGV[1] token
  ARGV[2…] for each stream: number of consumers, then their names
  Result {"OK", entries removed, then for each stream what all its consumers have done with} or {"FENCED", token} or {"UNRAISED", token}
]]
${appendFunctions}
local refused = fenced(KEYS[1], ARGV[1])
if refused then return refused end
local removed, a = 0, 2
local done = {}
for k = 2, #KEYS, 3 do
  local consumers = tonumber(ARGV[a])
  local least = nil
  for c = a + 1, a + consumers do
    local position = tonumber(redis.call('HGET', KEYS[k + 2], ARGV[c]) or '0')
    if not least or position < least then least = position end
  end
  a = a + 1 + consumers
  table.insert(done, string.format('%.0f', least or 0))
  local at = redis.call('GET', KEYS[k])
  if least and at then
    local minid = at
    if least < tonumber(string.match(at, '^(%d+)')) then minid = string.format('%.0f-0', least + 1) end
    removed = removed + redis.call('XTRIM', KEYS[k + 1], 'MINID', '=', minid)
  end
end
return {'OK', removed, unpack(done)}
`,
};
