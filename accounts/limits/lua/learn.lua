-- Take over what the database says of one holder. It lags behind: it never makes less of what is known here.

local windows, _, day, month = keys_of(1)
local past = cjson.decode(ARGV[1])
local now = now_ms()
for key, spent in pairs({[day] = past.day or false, [month] = past.month or false}) do
  if spent then
    local kept = redis.call('HMGET', key, 'tokens', 'cost')
    redis.call('HSET', key, 'tokens', math.max(spent.tokens, tonumber(kept[1]) or 0))
    redis.call('HSET', key, 'cost', math.max(spent.cost, tonumber(kept[2]) or 0))
    redis.call('PEXPIRE', key, spent.keep_ms)
  end
end
if past.requests and redis.call('HEXISTS', windows, 'rpd') == 0 then
  redis.call('HSET', windows, 'rpd', 0)
  for _, row in ipairs(past.requests) do
    add(slide(windows, 'rpd', now - row[1]), row[2], now - row[1])
  end
  redis.call('PEXPIRE', windows, 2 * DAY.length)
end
return {}
