"""What machines tell each other of the requests that they counted, through Valkey."""

from collections.abc import Mapping
from typing import Final

from commonplace.platform.valkey.client import Valkey

#: For each key a hash: machine to "count:milliseconds". Answers the sum over the other machines, less what is past.
_SCRIPT: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local sums = {}
for index, key in ipairs(KEYS) do
    local window = tonumber(ARGV[2 * index + 1]) * 1000
    local sum = 0
    local told = redis.call('HGETALL', key)
    for at = 1, #told, 2 do
        local count, moment = string.match(told[at + 1], '^([^:]*):([^:]*)$')
        local left = 1 - (now - tonumber(moment)) / window
        if left <= 0 then
            redis.call('HDEL', key, told[at])
        elseif told[at] ~= ARGV[1] then
            sum = sum + tonumber(count) * left
        end
    end
    redis.call('HSET', key, ARGV[1], ARGV[2 * index] .. ':' .. string.format('%.0f', now))
    redis.call('PEXPIRE', key, math.ceil(window))
    sums[index] = tostring(sum)
end
return sums
"""


class ValkeyRates:
    """A `RateExchange`."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey

    async def exchange(self, machine: bytes, counts: Mapping[bytes, tuple[float, float]]) -> Mapping[bytes, float]:
        """Tell this machine's counts (key to count and the window's seconds); the sum of all others' for each key.

        Raises:
            ValkeyAway: the server cannot be reached.
        """
        keys = [f"{self._valkey.prefix}rate:{key.hex()}" for key in counts]
        values = [f"{value:.3f}" for told in counts.values() for value in told]
        sums = await self._valkey.run("EVAL", _SCRIPT, len(keys), *keys, machine.hex(), *values)
        return {key: float(told) for key, told in zip(counts, sums, strict=True)}
