import type { Script } from './script.ts';

/**
 * Lua functions for all scripts that append. Every check comes before every write: Redis does not take back what a script did
 * before it failed.
 *
 * `fenced(fence, token)` answers nil when the token counts here, else what the script has to answer.
 * `check(first, from)` goes through the batches: KEYS[first…] are two for each stream, its position ("last-sub") and itself; each
 * batch is four of ARGV from `from` on. It answers what is to be written, or nil and what the script has to answer.
 * `write(plan)` writes it.
 */
export const appendFunctions = `
local function fenced(fence, token)
  local known = redis.call('GET', fence)
  if known == token then return nil end
  if known and tonumber(known) > tonumber(token) then return {'FENCED', known} end
  return {'UNRAISED', known or ''}
end

local function check(first, from)
  local position, sub, ids = {}, {}, {}
  for k = first, #KEYS, 2 do
    local known = redis.call('GET', KEYS[k])
    if known then
      local p, s = string.match(known, '^(%d+)-(%d+)$')
      position[k], sub[k] = tonumber(p), tonumber(s)
    else
      position[k], sub[k] = 0, 0
    end
  end
  for i = from, #ARGV, 4 do
    local k, prev, last = first + 2 * tonumber(ARGV[i]), tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
    local here = position[k]
    if prev > here then
      return nil, {'REWOUND', (i - from) / 4, string.format('%.0f', here)}
    elseif prev == last then
      if prev == here then
        sub[k] = sub[k] + 1
        ids[i] = ARGV[i + 2] .. '-' .. sub[k]
      end
    elseif last > here then
      if prev < here then return nil, {'PARTIAL', (i - from) / 4, string.format('%.0f', here)} end
      position[k], sub[k] = last, 0
      ids[i] = ARGV[i + 2] .. '-0'
    end
  end
  return {position = position, sub = sub, ids = ids, first = first, from = from}
end

local function write(plan)
  local touched = {}
  for i = plan.from, #ARGV, 4 do
    local id = plan.ids[i]
    if id then
      local k = plan.first + 2 * tonumber(ARGV[i])
      redis.call('XADD', KEYS[k + 1], id, 'p', ARGV[i + 1], 'b', ARGV[i + 3])
      touched[k] = true
    end
  end
  for k in pairs(touched) do
    redis.call('SET', KEYS[k], string.format('%.0f-%.0f', plan.position[k], plan.sub[k]))
  end
end
`;

/** Appends batches to streams of one slot, in order, once each. */
export const append: Script = {
  name: 'chimeraAppend',
  lua: `
--[[
  KEYS[1] fence
  KEYS[2…] two for each stream: its position, "last-sub", and the stream
  ARGV[1] token
  ARGV[2…] four for each batch: index of its stream (0 is that of KEYS[2]), prev, last, payload
  Result {"OK"}
      or {"FENCED", token of the one who writes now} or {"UNRAISED", lower token, or ""}
      or {"REWOUND", index of the batch, position} or {"PARTIAL", index of the batch, position}
  An entry has the id last-0 and the fields p (prev) and b (payload); one that carries only a frontier: last-(sub + 1).
]]
-- Nearly always it is one batch that follows what is there: the short way for that.
if #ARGV == 5 and ARGV[3] ~= ARGV[4] then
  local known = redis.call('MGET', KEYS[1], KEYS[2])
  local here = known[2] and string.match(known[2], '^%d+') or '0'
  if known[1] == ARGV[1] and here == ARGV[3] and tonumber(ARGV[4]) > tonumber(ARGV[3]) then
    local id = ARGV[4] .. '-0'
    redis.call('XADD', KEYS[3], id, 'p', ARGV[3], 'b', ARGV[5])
    redis.call('SET', KEYS[2], id)
    return {'OK'}
  end
end
${appendFunctions}
local refused = fenced(KEYS[1], ARGV[1])
if refused then return refused end
local plan, answer = check(2, 2)
if not plan then return answer end
write(plan)
return {'OK'}
`,
};
