"""Files on their way to the upstream: in pieces, as fast as it takes them, ended when it answers or the client leaves."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress

import pytest

from compat.gemini.client import GeminiClient, Limits
from compat.gemini.failures import NONSENSE, UNREACHABLE, Blame, Facts, GeminiFailure, Next, failure_of, of_upload
from tests.simulator.asking import listening_at, start

LIMITS = Limits(connect=2, first_byte=2, idle=1, total=4)
KEY = "sim-alpha-1"
PIECE = bytes(range(256)) * 1024
FILE = b'{"file": {"name": "files/abc", "uri": "https://x/v1beta/files/abc", "state": "ACTIVE"}}'


async def pieces(count: int = 12, taken: list[int] | None = None) -> AsyncIterator[bytes]:
    for number in range(count):
        if taken is not None:
            taken.append(number)
        yield PIECE


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


# --- To the simulator ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def simulator() -> Iterator[str]:
    with start("--quota", "unlimited") as process:
        yield listening_at(process)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)


@pytest.fixture
async def client(simulator: str) -> AsyncIterator[GeminiClient]:
    made = GeminiClient(simulator, LIMITS)
    yield made
    await made.close()


async def test_what_is_uploaded_is_what_a_request_may_name(client: GeminiClient) -> None:
    file = await client.files.upload(KEY, "application/pdf", 12 * len(PIECE), pieces())
    assert (await client.files.get(KEY, file.name)).state == file.state == "ACTIVE"
    assert file.expirationTime is not None
    part = f'{{"fileData": {{"fileUri": "{file.uri}", "mimeType": "application/pdf"}}}}'
    body = f'{{"contents": [{{"role": "user", "parts": [{part}]}}]}}'.encode()
    reply = await client.generate("gemini-3.8-flash", KEY, body)
    assert hashlib.sha256(PIECE * 12).hexdigest() in reply.text.decode()
    with pytest.raises(GeminiFailure, match="file_lost"):
        await client.generate("gemini-3.8-flash", "sim-beta-1", body)
    await client.files.delete(KEY, file.name)
    with pytest.raises(GeminiFailure, match="file_lost"):
        await client.files.get(KEY, file.name)


async def test_the_upstream_may_have_a_path_and_say_another_host(simulator: str) -> None:
    """An upload goes where every request goes, whatever its address says."""
    heads: list[bytes] = []
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for address in (b"https://elsewhere.example/gate/upload/x?upload_id=7", b""):
            heads.append(head := await reader.readuntil(b"\r\n\r\n"))
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
            body = b"" if address else FILE
            writer.write(
                b"HTTP/1.1 200 OK\r\nX-Goog-Upload-URL: %b\r\nContent-Length: %d\r\n\r\n%b" % (address, len(body), body)
            )
        await reader.read()
        await closed(writer)
        ended.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = GeminiClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/gate", LIMITS)
    assert (await client.files.upload(KEY, "text/plain", len(PIECE), pieces(1))).name == "files/abc"
    begun, sent = heads
    assert begun.startswith(b"POST /gate/upload/v1beta/files HTTP/1.1\r\n") and b"x-goog-api-key: sim" in begun
    assert sent.startswith(b"POST /gate/upload/x?upload_id=7 HTTP/1.1\r\n") and b"x-goog-api-key" not in sent
    await client.close()
    await ended.wait()
    server.close()


# --- To an upstream that misbehaves --------------------------------------------------------------------------

Act = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Upstream:
    """Takes the announcement of an upload; what becomes of the bytes is up to `act`."""

    def __init__(self) -> None:
        self.act: Act
        self.url = ""
        self.address = b"http://x/upload/v1beta/files?upload_id=1"
        self.opened = self.closed = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if b"command: start" in head:
                    await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
                    writer.write(
                        b"HTTP/1.1 200 OK\r\nX-Goog-Upload-URL: %b\r\nContent-Length: 0\r\n\r\n" % self.address
                    )
                else:
                    await self.act(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            await closed(writer)
            self.closed += 1


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    scripted = Upstream()
    server = await asyncio.start_server(scripted.serve, "127.0.0.1", 0, limit=1024)
    scripted.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield scripted
    server.close()
    await until(lambda: scripted.closed == scripted.opened)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)


async def test_an_answer_before_the_end_ends_an_upload(upstream: Upstream) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1000)
        writer.write(b"HTTP/1.1 503 Whatever\r\nContent-Length: 2\r\n\r\n{}")
        await reader.read()

    upstream.act = refuse
    client, taken = GeminiClient(upstream.url, LIMITS), []
    with pytest.raises(GeminiFailure, match="overloaded"):
        await client.files.upload(KEY, "text/plain", 4000 * len(PIECE), pieces(4000, taken))
    assert len(taken) < 200
    await until(lambda: upstream.closed == 1)  # what is half sent serves no other call
    await client.close()


async def test_no_more_is_read_than_the_upstream_takes(upstream: Upstream) -> None:
    going = asyncio.Event()

    async def take_later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await going.wait()
        left = 200 * len(PIECE)
        while left:
            left -= len(await reader.read(left))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(FILE), FILE))

    upstream.act = take_later
    client, taken = GeminiClient(upstream.url, LIMITS), []
    upload = asyncio.ensure_future(client.files.upload(KEY, "text/plain", 200 * len(PIECE), pieces(200, taken)))
    await asyncio.sleep(0.3)
    assert len(taken) < 60  # what the kernel's buffers hold
    going.set()
    assert (await upload).name == "files/abc" and len(taken) == 200
    assert upstream.closed == 0
    await client.close()


async def test_who_leaves_closes_the_upload(upstream: Upstream) -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024 * 1024):
            pass

    upstream.act = never
    client = GeminiClient(upstream.url, LIMITS)
    upload = asyncio.ensure_future(client.files.upload(KEY, "text/plain", 4000 * len(PIECE), pieces(4000)))
    await asyncio.sleep(0.1)
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    await until(lambda: upstream.closed == 1)


@pytest.mark.parametrize("address", [b"", b"http://x/a b", b"http://[x/", "http://x/\u00e9".encode("latin-1")])
async def test_an_upload_without_an_address_is_nonsense(upstream: Upstream, address: bytes) -> None:
    upstream.address = address
    client = GeminiClient(upstream.url, LIMITS)
    with pytest.raises(GeminiFailure, match="nonsense"):
        await client.files.upload(KEY, "text/plain", len(PIECE), pieces(1))
    await client.close()


@pytest.mark.parametrize("ending", ["cut", "silence", "no json"])
async def test_an_upload_that_ends_otherwise_has_failed(upstream: Upstream, ending: str) -> None:
    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(PIECE))
        if ending == "cut":
            writer.close()
        elif ending == "silence":
            await reader.read()
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    upstream.act = end
    client = GeminiClient(upstream.url, LIMITS)
    with pytest.raises(GeminiFailure, match={"cut": "cut_off", "silence": "timeout", "no json": "nonsense"}[ending]):
        await client.files.upload(KEY, "text/plain", len(PIECE), pieces(1))
    await client.close()


async def test_a_key_writes_no_lines_of_its_own(upstream: Upstream) -> None:
    client = GeminiClient(upstream.url, LIMITS)
    for call in (
        client.files.get("x\r\nHost: y", "files/a"),
        client.files.delete("x\r\nHost: y", "files/a"),
        client.files.upload("x\r\nHost: y", "text/plain", 1, pieces(1)),
    ):
        with pytest.raises(GeminiFailure, match="key_refused"):
            await call
    assert upstream.opened == 0


# --- What it means -------------------------------------------------------------------------------------------

QUOTA = b"""{"error": {"code": 429, "message": "Quota.", "details": [{"@type": "x.QuotaFailure",
"violations": [{"quotaId": "UploadsPerDayPerProject", "quotaValue": "20"}]}]}}"""
INVALID = b"""{"error": {"message": "API key not valid. Please pass a valid API key."}}"""


@pytest.mark.parametrize(
    ("found", "blame", "step", "code"),
    [
        (failure_of(503, b""), Blame.UPLOAD, Next.KEY, "upstream_unavailable"),
        (failure_of(500, b""), Blame.UPLOAD, Next.KEY, "upstream_unavailable"),
        (failure_of(429, QUOTA), Blame.UPLOAD, Next.KEY, "upstream_unavailable"),
        (failure_of(404, b""), Blame.UPLOAD, Next.KEY, "upstream_unavailable"),
        (failure_of(504, b""), Blame.UPLOAD, Next.KEY, "upstream_timeout"),
        (GeminiFailure(NONSENSE, Facts(200)), Blame.UPLOAD, Next.KEY, "upstream_unavailable"),
        (failure_of(400, b""), Blame.UPLOAD, Next.STOP, "invalid_request"),
        (failure_of(400, INVALID), Blame.KEY, Next.KEY, "no_upstream_key"),
        (failure_of(402, b""), Blame.PROJECT, Next.KEY, "no_upstream_key"),
        (GeminiFailure(UNREACHABLE, Facts(502)), Blame.UPSTREAM, Next.AGAIN, "upstream_unavailable"),
    ],
)
def test_no_model_is_at_fault_for_an_upload_and_no_quota_was_used(
    found: GeminiFailure, blame: Blame, step: Next, code: str
) -> None:
    met = of_upload(found).failure
    assert (met.blame, met.next, met.client_code, met.used_quota) == (blame, step, code, False)
