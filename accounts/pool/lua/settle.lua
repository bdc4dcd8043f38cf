-- An attempt brought an answer: its true input tokens in place of those reserved, and the end of the time after a rest.

local state, minute = KEYS[1], KEYS[2]
if asked.tokens ~= asked.reserved then
  local member = asked.lease .. ':' .. asked.reserved
  local at = redis.call('ZSCORE', minute, member)
  if at then
    redis.call('ZREM', minute, member)
    local added = redis.call('ZADD', minute, 'NX', at, asked.lease .. ':' .. asked.tokens)
    redis.call('HINCRBY', state, 'tokens', added * asked.tokens - asked.reserved)
  end
end
if asked.is_first then
  redis.call('HDEL', state, 'half', 'probe')
end
