import type { Script } from './script.ts';

/** Takes a lease that nobody holds, under a token higher than every one before: also after Redis forgot them. */
export const acquireLease: Script = {
  name: 'chimeraAcquireLease',
  lua: `
--[[
  KEYS[1] lease   text "token holder", expires
  KEYS[2] fence   the partition's token in its own slot
  ARGV[1] ttl in ms
  ARGV[2] holder
  ARGV[3] floor: the token must be higher
  Result {token} or {"", ms that the lease has left, holder}
]]
local held = redis.call('GET', KEYS[1])
if held then
  return {'', redis.call('PTTL', KEYS[1]), string.match(held, '^%d+ (.*)$') or held}
end
local time = redis.call('TIME')
local token = math.max(
  tonumber(redis.call('GET', KEYS[2]) or '0') + 1,
  tonumber(ARGV[3]) + 1,
  tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
)
token = string.format('%.0f', token)
redis.call('SET', KEYS[2], token)
redis.call('SET', KEYS[1], token .. ' ' .. ARGV[2], 'PX', ARGV[1])
return {token}
`,
};
