-- How every limit stands: {standings, requests running, day's tokens and cost, month's} of each holder, or
-- {'unseeded'}, as one string of MessagePack.

local asked = cjson.decode(ARGV[1])
local now = now_ms()
local found = {}
for number, holder in ipairs(asked.holders) do
  local windows, leases, day, month = keys_of(number)
  if is_unseeded(holder, windows, day, month) then
    return cmsgpack.pack({'unseeded'})
  end
  sweep(leases, day, month, holder, now)
  local day_tokens, day_cost = used(day)
  local month_tokens, month_cost = used(month)
  found[number] = {
    standings(holder, windows, now, {}), redis.call('ZCARD', leases), day_tokens, day_cost, month_tokens, month_cost
  }
end
return cmsgpack.pack({'found', found})
