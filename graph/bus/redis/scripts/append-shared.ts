import { appendFunctions } from './append.ts';
import type { Script } from './script.ts';

/** Appends records to a stream that several sources write to: Redis numbers the entries, a mark for each source keeps repeats out. */
export const appendShared: Script = {
  name: 'chimeraAppendShared',
  lua: `
--[[
  KEYS[1] stream
  KEYS[2] marks   hash: source → number of its last record here
  KEYS[3] fence
  ARGV[1] source
  ARGV[2] token, or "" when the source has no fence in this slot
  ARGV[3…] two for each record: its number (they increase), payload
  Result {"OK", mark, records appended} or {"FENCED", token} or {"UNRAISED", token}
]]
${appendFunctions}
if ARGV[2] ~= '' then
  local refused = fenced(KEYS[3], ARGV[2])
  if refused then return refused end
end
local mark = redis.call('HGET', KEYS[2], ARGV[1]) or '0'
local appended = 0
for i = 3, #ARGV, 2 do
  if tonumber(ARGV[i]) > tonumber(mark) then
    redis.call('XADD', KEYS[1], '*', 's', ARGV[1], 'n', ARGV[i], 'b', ARGV[i + 1])
    mark = ARGV[i]
    appended = appended + 1
  end
end
if appended > 0 then redis.call('HSET', KEYS[2], ARGV[1], mark) end
return {'OK', mark, appended}
`,
};
