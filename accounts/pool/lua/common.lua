-- What every script here begins with: what is asked, and the clock. Times are Unix seconds of this server's clock,
-- or of `asked.now` where time is not the real one (a simulated day).
--
-- A place (a quota domain and a model) has two keys: a hash of its state and a sorted set of the requests of its minute,
-- each a member `lease:tokens` with its time. A domain has a hash for its rests of all models. `d` and a number is the
-- count of a Pacific day; `half` stands after a rest, until one request went well; `probe` is that one's time.

local asked = cmsgpack.unpack(ARGV[1])

local MINUTE = 60.5 -- longer than Gemini's minute, as in minute.py
local PROBE = 3 -- how long one request tries alone after a rest, as in ledger.py
local DAY = 26 * 3600

local function clock()
  if asked.now then
    return asked.now
  end
  local time = redis.call('TIME')
  return time[1] + time[2] / 1000000
end

local now = clock()

-- Redis shows numbers with fourteen digits only, which is too few for microseconds.
local function exact(number)
  return string.format('%.6f', number)
end

-- Keep a key for so many seconds at least.
local function keep(key, seconds)
  local milliseconds = math.ceil(seconds * 1000)
  if redis.call('PTTL', key) < milliseconds then
    redis.call('PEXPIRE', key, milliseconds)
  end
end
