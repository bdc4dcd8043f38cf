"""What is read off a process that is measured."""

import socket

import psutil

from benchmarks.measuring.running import Running


class Here(Running):
    """This process, which need not be started."""

    def __init__(self):
        pass

    def family(self):
        return [psutil.Process()]


def test_descriptors_are_counted_by_kind(tmp_path):
    before = Here().descriptors()
    with (tmp_path / "file").open("w"), socket.create_server(("127.0.0.1", 0)):
        now = Here().descriptors()
    assert now - before == {"files": 1, "connections": 1}
    assert now.total() == before.total() + 2
