import { appendFunctions } from './append.ts';
import type { Script } from './script.ts';

/** Appends batches of a partition's own slot and stores a checkpoint, both or none. */
export const commit: Script = {
  name: 'chimeraCommit',
  lua: `
--[[
  KEYS[1] fence
  KEYS[2] checkpoints   hash with two places: newest (0 or 1), 0:epoch, 0:graph, 0:blob, 1:epoch, …
  KEYS[3…] two for each stream, as for append
  ARGV[1] token
  ARGV[2] epoch
  ARGV[3] graph
  ARGV[4] blob
  ARGV[5…] batches, as for append
  Result as for append, and {"ALREADY"}: the epoch is stored, or {"OLDER", newest epoch}: nothing was done
]]
${appendFunctions}
local refused = fenced(KEYS[1], ARGV[1])
if refused then return refused end
local newest = redis.call('HGET', KEYS[2], 'newest')
local known = newest and redis.call('HGET', KEYS[2], newest .. ':epoch')
if known and tonumber(known) > tonumber(ARGV[2]) then return {'OLDER', known} end
local plan, answer = check(3, 5)
if not plan then return answer end
write(plan)
if known and tonumber(known) == tonumber(ARGV[2]) then return {'ALREADY'} end
local place = newest == '0' and '1' or '0'
redis.call('HSET', KEYS[2], 'newest', place, place .. ':epoch', ARGV[2], place .. ':graph', ARGV[3], place .. ':blob', ARGV[4])
return {'OK'}
`,
};
