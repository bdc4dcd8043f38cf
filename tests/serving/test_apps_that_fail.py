"""An app that fails, whenever it does: the log says so each time, the client sees that the answer is cut, nothing stays."""

from tests.serving.clients_and_servers import read_all, request


def test_a_failure_after_the_first_byte_cuts_the_answer_each_time(server):
    base = server.state()
    for times in (1, 2, 3):
        answer = server.say(request("/fails_late"))
        assert b"a beginning" in answer
        assert not answer.endswith(b"0\r\n\r\n")
        server.until_err("RuntimeError: the late failure", times)
    server.until(lambda: server.state()["connections"] <= base["connections"])
    assert server.state()["tasks"] <= base["tasks"]


def test_a_failure_before_the_first_byte_is_a_500(server):
    answer = server.say(request("/fails_early"))
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"the early failure" not in answer
    server.until_err("RuntimeError: the early failure")
    assert server.say(request("/")).startswith(b"HTTP/1.1 200 ")


def test_an_app_that_stops_in_the_middle_cuts_the_answer(server):
    answer = server.say(request("/stops_half"))
    assert b"a beginning" in answer
    assert not answer.endswith(b"0\r\n\r\n")


def test_an_answer_cut_short_never_looks_complete_to_an_old_client(server):
    """Before HTTP/1.1 a connection that closes in order is how an answer ends: it has to be reset."""
    if server.kind == "uvicorn":
        return  # it answers HTTP/1.0 in chunks as well
    with server.connect() as sock:
        sock.sendall(b"GET /fails_late HTTP/1.0\r\nHost: a\r\n\r\n")
        data = b""
        try:
            while chunk := sock.recv(1000):
                data += chunk
        except ConnectionResetError:
            return
    raise AssertionError(f"closed in order after {data!r}")


def test_many_failures_leave_nothing_behind(server):
    base = server.state()
    for _ in range(60):
        server.say(request("/fails_late"))
    held = server.until(lambda: (state := server.state())["connections"] <= base["connections"] + 1 and state)
    assert held["fds"] <= base["fds"] + 2
    assert held["tasks"] <= base["tasks"] + 2


def test_a_client_that_leaves_is_noticed_at_once(server):
    with server.connect() as sock:
        sock.sendall(request("/endless"))
        server.until_err("streaming")
    server.until_err("settled", seconds=2)
    with server.connect() as sock:
        sock.sendall(request("/slow"))
    server.until_err("left", seconds=2)


def test_a_client_may_take_a_whole_stream(server):
    with server.connect() as sock:
        sock.sendall(request("/stream"))
        answer = read_all(sock)
    assert answer.count(b"line") == 10
    assert answer.endswith(b"0\r\n\r\n")
