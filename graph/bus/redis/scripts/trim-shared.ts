import type { Script } from './script.ts';

/** Removes from a stream what all of its consumer groups have acknowledged. Without a group nothing is removed. */
export const trimShared: Script = {
  name: 'chimeraTrimShared',
  lua: `
--[[
  KEYS[1] stream
  Result entries removed
]]
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local least, before = nil, nil
local function parts(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local field = {}
  for i = 1, #group, 2 do field[group[i]] = group[i + 1] end
  local pending = redis.call('XPENDING', KEYS[1], field['name'])
  local id, kept = field['last-delivered-id'], false
  if pending[1] > 0 then id, kept = pending[2], true end
  local ms, seq = parts(id)
  -- Up to and including what was delivered last when nothing is pending; up to before the first pending otherwise.
  if not kept then seq = seq + 1 end
  if not least or ms < least or (ms == least and seq < before) then least, before = ms, seq end
end
if not least then return 0 end
return redis.call('XTRIM', KEYS[1], 'MINID', '=', string.format('%.0f-%.0f', least, before))
`,
};
