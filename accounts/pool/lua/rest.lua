-- Let every key of KEYS rest until asked.until_then; a longer rest stays. Afterwards one request tries alone, if so asked.

for _, key in ipairs(KEYS) do
  local rest = tonumber(redis.call('HGET', key, 'rest')) or 0
  if asked.until_then > rest then
    rest = asked.until_then
    redis.call('HSET', key, 'rest', exact(rest), 'reason', asked.reason, 'since', exact(now))
    if asked.alone then
      redis.call('HSET', key, 'half', 1)
    end
    redis.call('HDEL', key, 'probe')
  end
  keep(key, math.max(DAY, rest - now + 3600))
end
