"""What does a gateway make of streams: how many, how soon, how evenly, and at what cost in memory?"""

from benchmarks.measuring.bench import Bench
from benchmarks.measuring.contenders import Contender, Upstream
from benchmarks.measuring.figures import percentile
from benchmarks.measuring.loading import at_rate, closed, crowd

_CROWD = 500


def ask(bench: Bench) -> None:
    """Streams of 20 chunks as fast as they go and at half of that; then five hundred open at once."""
    with bench.upstream() as upstream, bench.gateways(upstream) as gateways:
        bench.warm(gateways)
        for number in bench.rounds:
            bench.say(f"streams, round {number + 1}")
            for gateway in gateways:
                _at_full_speed(bench, gateway)
            for place, gateway in enumerate(gateways):
                _at_half_load(bench, gateway, upstream, seed=10 * number + place)
    with bench.upstream(chunks=100, pause=0.02) as upstream:
        for number in bench.rounds:
            bench.say(f"streams, round {number + 1}: {_CROWD} at once, each in a fresh process")
            for name in bench.names:
                # The others take minutes to start and to speak to so many: once has to do.
                if number == 0 or name not in {"litellm", "portkey"}:
                    _crowd(bench, name, upstream)


def _at_full_speed(bench: Bench, gateway: Contender) -> None:
    used = gateway.running.cpu_seconds()
    load = bench.measure(gateway.name, closed(gateway.stream, 32, bench.seconds), gateway.running)
    bench.figures.add("streams_32", gateway.name, load.rate)
    bench.figures.add("chunks", gateway.name, load.chunks / load.seconds)
    bench.figures.add("stream_cpu", gateway.name, (gateway.running.cpu_seconds() - used) / max(1, load.answers) * 1e6)


def _at_half_load(bench: Bench, gateway: Contender, upstream: Upstream, seed: int) -> None:
    rate = max(2.0, bench.figures.rounds["streams_32"][gateway.name][-1] / 2)
    direct = bench.measure("stand-in", at_rate(upstream.asked_directly(stream=True), rate, bench.seconds / 2, seed))
    load = bench.measure(gateway.name, at_rate(gateway.stream, rate, bench.seconds, seed), gateway.running)
    bench.figures.add("first_chunk", gateway.name, (percentile(load.first, 0.5) - percentile(direct.first, 0.5)) * 1000)


def _crowd(bench: Bench, name: str, upstream: Upstream) -> None:
    gateway = bench.started(name, upstream)
    if gateway is None:
        return
    try:
        bench.measure(name, closed(gateway.whole, 8, 0.5))
        bench.measure(name, closed(gateway.stream, 8, 0.1), gateway.running)
        before, memory = gateway.running.memory(), []
        load = bench.measure(
            name,
            crowd(gateway.stream, _CROWD, 2 * bench.seconds, lambda: memory.append(gateway.running.memory())),
        )
        bench.figures.add("gap_p99", name, percentile(load.gaps, 0.99) * 1000)
        bench.figures.add("crowd_chunks", name, load.chunks / load.seconds)
        bench.figures.add("stream_kb", name, (memory[0] - before) / _CROWD / 1000)
        bench.figures.add("ready", name, gateway.running.ready_seconds)
        bench.figures.add("peak", name, gateway.running.peak_memory() / 1e6)
    finally:
        gateway.running.stop()
