-- The request is still on its way: its leases hold on.

local held = cjson.decode(ARGV[1])
local until_then = now_ms() + held.lease_ms
for number, member in ipairs(held.members) do
  local _, leases = keys_of(number)
  if redis.call('ZADD', leases, 'XX', 'CH', until_then, member) == 1 then
    redis.call('PEXPIRE', leases, 2 * held.lease_ms)
  end
end
return {}
