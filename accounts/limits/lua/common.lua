-- What every script here begins with: the clock, and windows that slide (windows.py tells how).
-- Each holder has four keys: a hash of its windows, a sorted set of its leases, and a hash each for its budgets
-- of the day and the month. Times are milliseconds of this server's clock, costs nanodollars.

-- `0 - n` throughout, never `-n`: minus zero is no integer to Redis.

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local MINUTE = {length = 60000, step = 500}
local DAY = {length = 86400000, step = 600000}
local WINDOWS = {rpm = MINUTE, tpm = MINUTE, rpd = DAY}

-- The fields of a window: `rpm` what counts, `rpm<` and `rpm>` its first and last part, and of each part with the
-- number 7 `rpm:7` what was taken in it and `rpm@7` when something was taken last.

local function drop(key, name, part)
  local amount = tonumber(redis.call('HGET', key, name .. ':' .. part)) or 0
  redis.call('HDEL', key, name .. ':' .. part, name .. '@' .. part)
  return amount
end

-- The window `name` in the hash `key` as of `now`: what counts, its first and last part, and the part of now.
local function slide(key, name, now)
  local length, step = WINDOWS[name].length, WINDOWS[name].step
  local kept = redis.call('HMGET', key, name, name .. '<', name .. '>')
  local window = {
    key = key, name = name, length = length, sum = tonumber(kept[1]) or 0,
    first = tonumber(kept[2]), last = tonumber(kept[3]), part = math.floor(now / step),
  }
  if not window.first then
    return window
  end
  if window.last > window.part + 2 then
    -- The clock went back. Nothing may be freed by it, nor held for longer than a window: it counts as of now.
    for part = window.first, window.last do
      drop(key, name, part)
    end
    redis.call('HSET', key, name .. ':' .. window.part, window.sum, name .. '@' .. window.part, now)
    redis.call('HSET', key, name .. '<', window.part, name .. '>', window.part)
    window.first, window.last = window.part, window.part
  elseif window.last > window.part then
    window.part = window.last
  end
  local first = window.first
  while window.first <= window.last do
    local taken = tonumber(redis.call('HGET', key, name .. '@' .. window.first))
    if taken and taken > now - length then
      break
    end
    if taken then
      window.sum = window.sum - drop(key, name, window.first)
    end
    window.first = window.first + 1
  end
  if window.first > window.last then
    redis.call('HSET', key, name, window.sum)
    redis.call('HDEL', key, name .. '<', name .. '>')
    window.first, window.last = nil, nil
  elseif window.first > first then
    redis.call('HSET', key, name, window.sum, name .. '<', window.first)
  end
  return window
end

-- Take `amount` at the time `at` in a window that `slide` gave.
local function add(window, amount, at)
  local name = window.name
  window.sum = window.sum + amount
  window.first, window.last = window.first or window.part, window.part
  redis.call('HINCRBY', window.key, name .. ':' .. window.part, amount)
  redis.call('HSET', window.key, name, window.sum, name .. '<', window.first, name .. '>', window.last,
    name .. '@' .. window.part, at)
end

-- Milliseconds until the part is out of the window.
local function leaves_in(window, part, now)
  return (tonumber(redis.call('HGET', window.key, window.name .. '@' .. part)) or 0) + window.length - now
end

-- Milliseconds until `excess` of what counts is out of the window, -1 when that is more than there is.
local function wait(window, excess, now)
  if window.first then
    for part = window.first, window.last do
      excess = excess - (tonumber(redis.call('HGET', window.key, window.name .. ':' .. part)) or 0)
      if excess <= 0 then
        return leaves_in(window, part, now)
      end
    end
  end
  return -1
end

-- Take more or less in a part than was said; nothing when that part is over.
local function adjust(key, name, part, change)
  local first = tonumber(redis.call('HGET', key, name .. '<'))
  if first and part >= first and redis.call('HEXISTS', key, name .. ':' .. part) == 1 then
    redis.call('HINCRBY', key, name .. ':' .. part, change)
    redis.call('HINCRBY', key, name, change)
  end
end

-- Remove a lease; what it held open of this day and month is free again.
local function let_go(leases, member, day, month, holder)
  redis.call('ZREM', leases, member)
  local tokens, cost, of_day, of_month = string.match(member, '^[^|]*|(%d+)|(%d+)|([^|]*)|([^|]*)$')
  for key, same in pairs({[day] = of_day == holder.day, [month] = of_month == holder.month}) do
    if same and redis.call('EXISTS', key) == 1 then
      redis.call('HINCRBY', key, 'open_tokens', 0 - tokens)
      redis.call('HINCRBY', key, 'open_cost', 0 - cost)
    end
  end
end

-- End the leases that nobody renewed: their holder crashed.
local function sweep(leases, day, month, holder, now)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, 100)) do
    let_go(leases, member, day, month, holder)
  end
end

-- Tokens and nanodollars spent and held open in a budget.
local function used(key)
  local kept = redis.call('HMGET', key, 'tokens', 'open_tokens', 'cost', 'open_cost')
  return (tonumber(kept[1]) or 0) + (tonumber(kept[2]) or 0), (tonumber(kept[3]) or 0) + (tonumber(kept[4]) or 0)
end

-- True while the gateway must first say what the holder has used so far.
local function is_unseeded(holder, windows, day, month)
  return (holder.day and redis.call('HEXISTS', day, 'tokens') == 0)
    or (holder.month and redis.call('HEXISTS', month, 'tokens') == 0)
    or (holder.rpd and redis.call('HEXISTS', windows, 'rpd') == 0)
end

local function keys_of(number)
  local base = (number - 1) * 4
  return KEYS[base + 1], KEYS[base + 2], KEYS[base + 3], KEYS[base + 4]
end

-- How the windows of a holder stand: name, used, milliseconds until it is whole again, of each. `slid` has those as of now.
local function standings(holder, windows, now, slid)
  local found = {}
  for _, name in ipairs({'rpm', 'rpd', 'tpm'}) do
    if holder[name] then
      local window = slid[name] or slide(windows, name, now)
      local reset = window.last and leaves_in(window, window.last, now) or 0
      table.insert(found, {name, window.sum, reset})
    end
  end
  return found
end
