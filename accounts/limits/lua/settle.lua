-- End a reservation: true counts in place of those reserved. Its lease is the proof that this was not done before.

local ended = cjson.decode(ARGV[1])
for number, holder in ipairs(ended.holders) do
  local windows, leases, day, month = keys_of(number)
  if redis.call('ZREM', leases, holder.member) == 1 then
    local rpm, rpd, tpm = holder.parts[1], holder.parts[2], holder.parts[3]
    if tpm >= 0 and ended.tokens ~= ended.reserved_tokens then
      adjust(windows, 'tpm', tpm, ended.tokens - ended.reserved_tokens)
    end
    if ended.released then
      if rpm >= 0 then adjust(windows, 'rpm', rpm, -1) end
      if rpd >= 0 then adjust(windows, 'rpd', rpd, -1) end
    end
    for key, tracked in pairs({[day] = holder.day or false, [month] = holder.month or false}) do
      if tracked and redis.call('EXISTS', key) == 1 then
        redis.call('HINCRBY', key, 'open_tokens', 0 - ended.reserved_tokens)
        redis.call('HINCRBY', key, 'open_cost', 0 - ended.reserved_cost)
        redis.call('HINCRBY', key, 'tokens', ended.tokens)
        redis.call('HINCRBY', key, 'cost', ended.cost)
      end
    end
  end
end
return {}
