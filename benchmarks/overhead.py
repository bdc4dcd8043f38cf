"""What does a gateway cost a request: how many a second, how much of the processor, how much time it adds?"""

from benchmarks.measuring.bench import Bench
from benchmarks.measuring.contenders import Contender, Upstream
from benchmarks.measuring.figures import percentile
from benchmarks.measuring.loading import at_rate, closed

_CONNECTIONS = (1, 32, 200)


def ask(bench: Bench) -> None:
    """Whole answers, at full speed and at half of it."""
    with bench.upstream() as upstream, bench.gateways(upstream) as gateways:
        bench.warm(gateways)
        for number in bench.rounds:
            bench.say(f"overhead, round {number + 1}")
            for connections in _CONNECTIONS:
                for gateway in gateways:
                    _at_full_speed(bench, gateway, connections)
            for place, gateway in enumerate(gateways):
                _at_half_load(bench, gateway, upstream, seed=10 * number + place)


def _at_full_speed(bench: Bench, gateway: Contender, connections: int) -> None:
    used = gateway.running.cpu_seconds()
    load = bench.measure(gateway.name, closed(gateway.whole, connections, bench.seconds), gateway.running)
    bench.figures.add(f"whole_{connections}", gateway.name, load.rate)
    if connections == 32 and load.answers:
        # With what it did behind its answers: `measure` waited for that.
        used = gateway.running.cpu_seconds() - used
        bench.figures.add("cpu", gateway.name, used / load.answers * 1e6)


def _at_half_load(bench: Bench, gateway: Contender, upstream: Upstream, seed: int) -> None:
    # Half of what it did in this round: a machine that slows down for a while is not taken for a gateway that does.
    rate = max(2.0, bench.figures.rounds["whole_32"][gateway.name][-1] / 2)
    # The same moments without the gateway: what is left is the gateway's.
    direct = bench.measure("stand-in", at_rate(upstream.asked_directly(stream=False), rate, bench.seconds / 2, seed))
    load = bench.measure(gateway.name, at_rate(gateway.whole, rate, bench.seconds, seed), gateway.running)
    for figure, part in (("added_p50", 0.5), ("added_p99", 0.99)):
        added = percentile(load.took, part) - percentile(direct.took, part)
        bench.figures.add(figure, gateway.name, added * 1000)
