"""The floor answers as a gateway does, chunk by chunk, under both servers: else every ratio would be to something else."""

import pytest

from benchmarks.measuring import contenders
from benchmarks.measuring.bench import Bench
from benchmarks.measuring.loading import closed
from benchmarks.measuring.running import DidNotStart

PAUSE = 0.05


@pytest.mark.parametrize("name", ["floor-uvicorn", "floor-daphne"])
def test_the_floor_gives_right_answers_and_holds_no_chunk_back(name, tmp_path):
    bench = Bench(tmp_path, [name])
    with bench.upstream(chunks=4, pause=PAUSE) as upstream, bench.gateways(upstream) as gateways:
        (floor,) = gateways
        assert contenders.said(floor)[1].startswith("word 0 of the answer, word 1")
        load = bench.measure(name, closed(floor.stream, 2, 0.1), floor.running)
    assert (bench.errors[name], load.answers > 0, bench.notes) == (0, True, [])
    assert len(load.gaps) >= 2 * load.answers
    assert floor.running.process.poll() is not None


def test_a_contender_that_says_something_else_is_not_measured(tmp_path):
    bench = Bench(tmp_path, [])
    with bench.upstream(chunks=2) as upstream:
        floor = contenders.start("floor-uvicorn", upstream, tmp_path)
        with pytest.raises(DidNotStart, match="something else"):
            contenders.wait_until_right(floor, chunks=3)
    assert floor.running.process.poll() is not None


def test_a_request_is_sent_as_a_client_would():
    request = contenders.post("/v1/chat/completions", b"{}", Authorization="Bearer x", x_portkey_provider="google")
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"POST /v1/chat/completions HTTP/1.1"
    assert b"x-portkey-provider: google" in head
    assert (body, b"Content-Length: 2" in head) == (b"{}", True)
