-- Take one request and its input tokens at the first of several places that has room: one round trip.
-- KEYS: the news, then three a place (state, minute, rests of all models). Each of asked.places is
-- {requests a minute, tokens a minute, requests a day, requests of today in the database}, -1 where there is no limit.
-- Answers {epoch, version, place, used today, the limit of the minute that is used up, whether it is the one request after a rest,
-- the refusals of the places before it: {seconds, seconds for the smallest prompt, used today, reason of a rest}};
-- place 0: none had room; -1: what the asker sent within the minute is not known here and must be recorded first.

local news = redis.call('HMGET', KEYS[1], 'epoch', 'version')
local epoch = news[1]
if not epoch then
  epoch = asked.epoch
  redis.call('HSET', KEYS[1], 'epoch', epoch)
end
local version = tonumber(news[2]) or 0
if asked.known and asked.known ~= epoch then
  return cmsgpack.pack({epoch, version, -1})
end

local today = 'd' .. asked.day

-- Drop what is out of the minute; gives how many requests and tokens are in it.
local function slide(state, minute, tokens)
  local old = redis.call('ZRANGEBYSCORE', minute, '-inf', exact(now - MINUTE))
  if #old > 0 then
    for _, member in ipairs(old) do
      tokens = tokens - tonumber(string.match(member, ':(%d+)$'))
    end
    redis.call('ZREMRANGEBYSCORE', minute, '-inf', exact(now - MINUTE))
    redis.call('HSET', state, 'tokens', tokens)
  end
  -- The clock went back: what lies ahead counts as of now, so that nothing is held for longer than a minute.
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', minute, exact(now + 2), '+inf')) do
    redis.call('ZADD', minute, exact(now), member)
  end
  local count = redis.call('ZCARD', minute)
  return count, count > 0 and tokens or 0
end

-- Seconds until so many tokens are out of the minute.
local function tokens_leave(minute, over)
  local sent = redis.call('ZRANGE', minute, 0, -1, 'WITHSCORES')
  for place = 1, #sent, 2 do
    over = over - tonumber(string.match(sent[place], ':(%d+)$'))
    if over <= 0 or place == #sent - 1 then
      return tonumber(sent[place + 1]) + MINUTE - now
    end
  end
  return 0
end

local function wait_in_minute(minute, count, sum, tokens, rpm, tpm)
  local wait = 0
  if rpm > 0 and count >= rpm then
    local first = redis.call('ZRANGE', minute, count - rpm, count - rpm, 'WITHSCORES')
    wait = tonumber(first[2]) + MINUTE - now
  end
  -- A prompt larger than the whole quota is let through alone: the upstream shall say so, limits change.
  if tpm >= 0 and count > 0 and sum + tokens > tpm then
    wait = math.max(wait, tokens_leave(minute, sum + tokens - tpm))
  end
  return wait
end

local refusals = {}

local function refuse(wait, least, used, reason)
  table.insert(refusals, {wait, least, used, reason})
end

-- True when the request was taken at this place.
local function take(place)
  local state, minute, rests = KEYS[3 * place - 1], KEYS[3 * place], KEYS[3 * place + 1]
  local rpm, tpm, rpd, known = unpack(asked.places[place])
  local kept = redis.call('HMGET', state, 'rest', 'reason', 'half', 'probe', 'tokens', today)
  local wide = redis.call('HMGET', rests, 'rest', 'reason')
  local used = math.max(tonumber(kept[6]) or 0, known)
  local rest, reason = tonumber(kept[1]) or 0, kept[2]
  if (tonumber(wide[1]) or 0) > rest then
    rest, reason = tonumber(wide[1]), wide[2]
  end
  if rest > now then
    return refuse(rest - now, rest - now, used, reason)
  end
  if kept[3] and (tonumber(kept[4]) or 0) > now then
    -- It may end at any moment: whoever waits shall look again soon.
    return refuse(1, 1, used, '')
  end
  if rpd >= 0 and used >= rpd then
    return refuse(asked.midnight, asked.midnight, used, '')
  end
  local count, sum = slide(state, minute, tonumber(kept[5]) or 0)
  local wait = wait_in_minute(minute, count, sum, asked.tokens, rpm, tpm)
  if wait > 0 then
    return refuse(wait, wait_in_minute(minute, count, sum, 0, rpm, tpm), used, '')
  end
  redis.call('ZADD', minute, exact(now), asked.lease .. ':' .. asked.tokens)
  keep(minute, MINUTE + 1)
  redis.call('HSET', state, 'tokens', sum + asked.tokens, today, used + 1)
  if kept[3] then
    redis.call('HSET', state, 'probe', exact(now + PROBE))
  end
  if not kept[6] then
    redis.call('HDEL', state, 'd' .. (asked.day - 2))
  end
  keep(state, DAY)
  local filled = ''
  if rpm > 0 and count + 1 >= rpm then
    filled = 'rpm'
  elseif tpm >= 0 and sum + asked.tokens > 0.95 * tpm then
    filled = 'tpm'
  end
  return {epoch, version, place, used + 1, filled, kept[3] and true or false, refusals}
end

for place = 1, #asked.places do
  local taken = take(place)
  if taken then
    return cmsgpack.pack(taken)
  end
end
return cmsgpack.pack({epoch, version, 0, 0, '', false, refusals})
