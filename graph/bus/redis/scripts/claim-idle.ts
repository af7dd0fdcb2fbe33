import type { Script } from './script.ts';

/**
 * Takes over what other consumers of a group have left lying. Entries that are gone from the stream are put aside here: since Redis
 * 7 claiming forgets them, and nobody would hear of them again.
 */
export const claimIdle: Script = {
  name: 'chimeraClaimIdle',
  lua: `
--[[
  KEYS[1] stream
  KEYS[2] dead letters
  ARGV[1] group
  ARGV[2] consumer
  ARGV[3] ms that an entry must have been idle
  ARGV[4] cursor, 0-0 at first
  ARGV[5] count
  ARGV[6] time, ms since the epoch
  ARGV[7] name of the stream
  Result {next cursor (0-0: done), entries claimed, entries gone}
]]
local reply = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], 'COUNT', ARGV[5], 'JUSTID')
local gone = reply[3] or {}
for _, id in ipairs(gone) do
  redis.call('XADD', KEYS[2], '*', 'reason', 'trimmed', 'error', '', 'time', ARGV[6], 'stream', ARGV[7], 'group', ARGV[1], 'id', id)
end
return {reply[1], #reply[2], #gone}
`,
};
