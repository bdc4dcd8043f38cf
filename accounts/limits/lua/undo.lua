-- Nobody learned of this reservation: its answer came too late. The request went another way, so it stays counted in the
-- windows, but nobody would ever end its lease.

local lost = cjson.decode(ARGV[1])
for number, holder in ipairs(lost.holders) do
  local _, leases, day, month = keys_of(number)
  for _, member in ipairs(redis.call('ZRANGE', leases, 0, -1)) do
    if string.sub(member, 1, #lost.lease + 1) == lost.lease .. '|' then
      let_go(leases, member, day, month, holder)
    end
  end
end
return {}
