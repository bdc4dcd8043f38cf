-- A person ended the rests of a domain: those that began before asked.at are over.

for _, key in ipairs(KEYS) do
  local since = tonumber(redis.call('HGET', key, 'since'))
  if since and since <= asked.at then
    redis.call('HDEL', key, 'rest', 'reason', 'half', 'probe', 'since')
  end
end
