-- Something changed in the database that every process should look at soon.

redis.call('HINCRBY', KEYS[1], 'version', 1)
