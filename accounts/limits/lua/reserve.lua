-- Take one request, its tokens and its cost from every holder, or nothing at all.
-- Answers {'taken', tokens, cost, parts of each holder, standings}, {'refused', number of the holder, limit's name,
-- used, asked, wait, standings} or {'unseeded'}, as one string of MessagePack: a list of lists would be read line by line.

local ask = cjson.decode(ARGV[1])
local now = now_ms()
local tokens, cost = ask.most, ask.most_cost
local opened = {}

local function all_standings()
  local found = {}
  for number, holder in ipairs(ask.holders) do
    found[number] = standings(holder, KEYS[(number - 1) * 4 + 1], now, opened[number] or {})
  end
  return found
end

local function refused(number, name, taken, asked, milliseconds)
  return cmsgpack.pack({'refused', number, name, taken, asked, milliseconds, all_standings()})
end

for number, holder in ipairs(ask.holders) do
  local windows, _, day, month = keys_of(number)
  if is_unseeded(holder, windows, day, month) then
    return cmsgpack.pack({'unseeded'})
  end
end
for number, holder in ipairs(ask.holders) do
  local windows, leases, day, month = keys_of(number)
  sweep(leases, day, month, holder, now)
  if holder.max_parallel then
    local running = redis.call('ZCARD', leases)
    if running >= holder.max_parallel then
      return refused(number, 'max_parallel', running, 1, 1000)
    end
  end
  local mine = {}
  for _, row in ipairs({{'rpm', 1}, {'rpd', 1}, {'tpm', ask.least}}) do
    local name, asked = row[1], row[2]
    local limit = holder[name]
    if limit then
      local window = slide(windows, name, now)
      if window.sum + asked > limit then
        return refused(number, name, window.sum, asked, wait(window, window.sum + asked - limit, now))
      end
      mine[name] = window
    end
  end
  if holder.tpm then
    tokens = math.min(tokens, holder.tpm - mine.tpm.sum)
  end
  local spent = {}
  for period, key in pairs({daily = day, monthly = month}) do
    if holder[period .. '_tokens'] or holder[period .. '_cost'] then
      spent[period .. '_tokens'], spent[period .. '_cost'] = used(key)
    end
  end
  for _, name in ipairs({'daily_tokens', 'monthly_tokens'}) do
    if holder[name] then
      local left = holder[name] - spent[name]
      if left < ask.least then
        return refused(number, name, spent[name], ask.least, -1)
      end
      tokens = math.min(tokens, left)
    end
  end
  for _, name in ipairs({'daily_cost', 'monthly_cost'}) do
    if holder[name] then
      local left = holder[name] - spent[name]
      if left < math.max(ask.least_cost, 1) then
        return refused(number, name, spent[name], ask.least_cost, -1)
      end
      cost = math.min(cost, left)
    end
  end
  opened[number] = mine
end

local parts = {}
for number, holder in ipairs(ask.holders) do
  local windows, leases, day, month = keys_of(number)
  local mine = opened[number]
  parts[number] = {}
  for place, name in ipairs({'rpm', 'rpd', 'tpm'}) do
    if mine[name] then
      add(mine[name], name == 'tpm' and tokens or 1, now)
    end
    parts[number][place] = mine[name] and mine[name].part or -1
  end
  redis.call('PEXPIRE', windows, 2 * DAY.length)
  local member = string.format('%s|%.0f|%.0f|%s|%s', ask.lease, tokens, cost, holder.day or '', holder.month or '')
  redis.call('ZADD', leases, now + ask.lease_ms, member)
  redis.call('PEXPIRE', leases, 2 * ask.lease_ms)
  for key, tracked in pairs({[day] = holder.day or false, [month] = holder.month or false}) do
    if tracked then
      redis.call('HINCRBY', key, 'open_tokens', tokens)
      redis.call('HINCRBY', key, 'open_cost', cost)
    end
  end
end
return cmsgpack.pack({'taken', tokens, cost, parts, all_standings()})
