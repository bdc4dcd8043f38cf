-- A request never reached the upstream, or nobody waits for its reservation any more: it is given back at whichever of
-- the places (state and minute each) it was taken, if it was at all.

for place = 1, #KEYS, 2 do
  local state, minute = KEYS[place], KEYS[place + 1]
  if redis.call('ZREM', minute, asked.lease .. ':' .. asked.tokens) == 1 then
    redis.call('HINCRBY', state, 'tokens', 0 - asked.tokens)
    local today = 'd' .. asked.day
    if (tonumber(redis.call('HGET', state, today)) or 0) > 0 then
      redis.call('HINCRBY', state, today, -1)
    end
  end
end
