import type { Script } from './script.ts';

/** Keeps a lease for another while, or with a ttl of 0 gives it up; in any case only if it is still ours. */
export const renewLease: Script = {
  name: 'chimeraRenewLease',
  lua: `
--[[
  KEYS[1] lease
  ARGV[1] token
  ARGV[2] ttl in ms; 0 gives it up
  Result 1, or 0 when the lease is no longer ours
]]
local held = redis.call('GET', KEYS[1])
if not held or string.match(held, '^(%d+) ') ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1
`,
};
