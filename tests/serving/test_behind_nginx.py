"""docs/examples/nginx.conf as it is shipped, in front of a real server."""

import http.client
import json
import re
import shutil
import socket
import subprocess
import time

import pytest

from tests.serving.clients_and_servers import ROOT, Process, body_of, read_all, read_until, request

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

EXAMPLE = (ROOT / "docs" / "examples" / "nginx.conf").read_text()
AROUND = """
daemon off; master_process off; pid {place}/pid; error_log {place}/error.log;
events {{}}
http {{
    client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/f;
    uwsgi_temp_path {place}/u; scgi_temp_path {place}/s; access_log off;
    include {place}/site.conf;
}}
"""


def written(place, upstream, port):
    """The example with this machine's ports and without TLS; the path of the whole configuration."""
    site = EXAMPLE.replace("server 127.0.0.1:3000;", f"server 127.0.0.1:{upstream};")
    site = site.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    site = re.sub(r"^ *ssl_.*$", "", site, flags=re.MULTILINE)
    site = site.replace("/var/log/nginx/tumbler.log", str(place / "access.log"))
    site = site.replace("/var/log/nginx/tumbler-error.log", str(place / "site-error.log"))
    (place / "site.conf").write_text(site)
    (place / "nginx.conf").write_text(AROUND.format(place=place))
    return str(place / "nginx.conf")


class Proxy(Process):
    """nginx with the example in front of `server`; it looks to a test like the server itself."""

    def __init__(self, server, place):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.place = place
        configuration = written(place, server.port, self.port)
        subprocess.run([NGINX, "-t", "-q", "-c", configuration, "-e", str(place / "error.log")], check=True)
        super().__init__([NGINX, "-c", configuration, "-e", str(place / "error.log")])
        self.until(self.reachable)

    def reachable(self):
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def say(self, data):
        with socket.create_connection(("127.0.0.1", self.port), timeout=15) as sock:
            sock.sendall(data)
            return read_all(sock)


@pytest.fixture
def proxy(server, tmp_path):
    proxy = Proxy(server, tmp_path)
    yield proxy
    proxy.close()


def test_each_line_of_a_stream_comes_through_when_it_was_sent(proxy):
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=15) as sock:
        began = time.monotonic()
        sock.sendall(request("/stream"))
        read_until(sock, b"line 0")
        assert time.monotonic() - began < 0.7
        rest = read_all(sock)
    assert b"line 9" in rest
    assert time.monotonic() - began > 1.2


def test_a_client_that_leaves_is_noticed_behind_it(proxy, server):
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=15) as sock:
        sock.sendall(request("/endless"))
        read_until(sock, b"and on")
    server.until_err("settled", seconds=3)


def test_no_header_of_the_client_moves_the_site_or_its_own_address(proxy):
    seen = body_of(
        proxy.say(request("/v1/models", "Daphne-Root-Path: /v1", "Forwarded: for=1.1.1.1", "X_Underscore: 1"))
    )
    assert (seen["path"], seen["root_path"]) == ("/v1/models", "")
    assert not {"daphne-root-path", "forwarded", "x_underscore"} & set(seen["headers"])
    assert "x-forwarded-for" in seen["headers"]


def test_what_nginx_refuses_is_json_too(proxy, server):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    connection.request("POST", "/v1/chat/completions", body=b"x" * 22_000_000)
    response = connection.getresponse()
    assert response.status == 413
    assert json.loads(response.read())["error"]["code"] == "request_too_large"
    connection.close()
    assert not any("whole request" in line for line in server.err)


def test_a_worker_that_is_away_is_a_503_with_a_time_to_come_back(start, tmp_path):
    server = start()
    proxy = Proxy(server, tmp_path)
    try:
        assert body_of(proxy.say(request("/")))["path"] == "/"
        server.signal()
        server.wait()
        answer = proxy.say(request("/"))
    finally:
        proxy.close()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 2" in answer
    assert body_of(answer)["error"]["type"] == "server_error"


def test_the_log_has_paths_without_their_queries(proxy):
    proxy.say(request("/v1/models?key=not-for-the-log", "Authorization: Bearer not-for-the-log"))
    logged = proxy.until(lambda: (proxy.place / "access.log").read_text())
    assert '"GET /v1/models" 200' in logged
    assert "not-for-the-log" not in logged


def test_a_token_in_the_query_is_in_none_of_its_logs(start, tmp_path):
    server = start()
    proxy = Proxy(server, tmp_path)
    try:
        for path in ("/v1beta/models", "/endless/../x", "/v1beta/models/%zz"):
            proxy.say(request(f"{path}?key=tumbler-canary"))
        server.signal()
        server.wait()
        assert b" 503 " in proxy.say(request("/v1beta/models?key=tumbler-canary"))
    finally:
        proxy.close()
    assert "/v1beta/models" in (tmp_path / "access.log").read_text()
    assert not [path for path in tmp_path.rglob("*.log") if "canary" in path.read_text()]
