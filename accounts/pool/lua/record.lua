-- What a process sent within the minute while Redis was away or before it forgot: {lease, tokens, time} each.

local state, minute = KEYS[1], KEYS[2]
if redis.call('EXISTS', minute) == 0 then
  redis.call('HSET', state, 'tokens', 0)
end
for _, sent in ipairs(asked.sent) do
  local lease, tokens, at = unpack(sent)
  if at > now - MINUTE and redis.call('ZADD', minute, 'NX', exact(math.min(at, now)), lease .. ':' .. tokens) == 1 then
    redis.call('HINCRBY', state, 'tokens', tokens)
  end
end
if redis.call('EXISTS', minute) == 1 then
  keep(minute, MINUTE + 1)
  keep(state, DAY)
end
