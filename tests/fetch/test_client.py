"""The HTTP client: pauses, redirects, robots.txt, limits."""

from __future__ import annotations

import dataclasses
import datetime
import email.utils
import ipaddress
import ssl
import threading
import time

import pytest

from pasture.errors import ConfigError, FetchError
from pasture.fetch.client import Attempts, Client, Missing, Stopped, Transient, redirected
from tests.web_server import cut, endless, serve, status


class Waits(Client):
    """A client that counts what it would wait for."""

    def __init__(self, manners, **options) -> None:
        super().__init__(manners, **options)
        self.waited: list[float] = []

    def wait(self, seconds: float) -> None:
        if seconds > 0:
            self.waited.append(seconds)


@pytest.mark.parametrize("code", [429, 503])
def test_waits_as_long_as_the_host_asks(web, quick, code):
    web.put("/a", b"list", faults=[status(code, Retry_After="7")])
    client = Waits(dataclasses.replace(quick, backoff=1.0))
    assert client.read(web.address + "/a")[0] == b"list"
    # The pause itself, and the host's turn, which holds back every other thread, too.
    assert [6.5 <= seconds <= 9 for seconds in client.waited] == [True, True]


def test_understands_a_date_to_wait_for(web, quick):
    then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=30)
    when = email.utils.format_datetime(then, usegmt=True)
    web.put("/a", b"list", faults=[status(503, Retry_After=when)])
    client = Waits(quick)
    client.read(web.address + "/a")
    assert 28 <= max(client.waited) <= 31


@pytest.mark.parametrize("value", ["soon", "", "-5"])
def test_ignores_a_wait_that_is_none(web, quick, value):
    web.put("/a", b"list", faults=[status(503, Retry_After=value)])
    client = Waits(quick)
    client.read(web.address + "/a")
    assert max(client.waited) < 0.1


def test_does_not_wait_for_hours(web, quick):
    web.put("/a", b"list", faults=[status(429, Retry_After="7200")])
    message = "/a: HTTP 429 .*asks to wait 7,200 seconds; run the same command again after that"
    with pytest.raises(FetchError, match=message):
        Waits(quick).read(web.address + "/a")


def test_pauses_grow_and_are_jittered(quick):
    client = Waits(dataclasses.replace(quick, backoff=1.0, backoff_max=5.0, retries=5, jitter=0.5))
    attempts = Attempts(client, "https://host/a")
    for _ in range(5):
        attempts.failed(Transient("broke"))
    lowest = [1.0, 2.0, 4.0, 5.0, 5.0]
    assert all(a <= b <= 1.5 * a for a, b in zip(lowest, client.waited, strict=True))
    assert client.waited != lowest
    with pytest.raises(FetchError, match=r"https://host/a: broke \(6 tries\); run the same"):
        attempts.failed(Transient("broke"))


def test_notes_a_long_pause(quick):
    notes: list[str] = []
    client = Waits(dataclasses.replace(quick, backoff=8.0, backoff_max=8.0), note=notes.append)
    Attempts(client, "https://host/a").failed(Transient("the connection broke"))
    assert notes[0].startswith("https://host/a: the connection broke; trying again in ")


def test_asks_a_host_no_faster_than_its_interval(web, quick):
    web.put("/a", b"list")
    client = Waits(dataclasses.replace(quick, interval=10.0))
    for _ in range(3):
        client.read(web.address + "/a")
    assert [round(seconds) for seconds in client.waited] == [10, 20]


def test_keeps_to_a_bandwidth(web, quick):
    web.put("/a", b"x" * 5000)
    client = Waits(dataclasses.replace(quick, bytes_per_second=1000.0))
    client.read(web.address + "/a")
    assert sum(client.waited[-1:]) == pytest.approx(5.0, abs=0.1)


def test_waits_end_when_the_fetch_stops(quick):
    stop = threading.Event()
    stop.set()
    started = time.monotonic()
    with pytest.raises(Stopped):
        Client(quick, stop).wait(30)
    assert time.monotonic() - started < 1


def test_a_listing_is_read_again_where_it_breaks_off(web, client):
    web.put("/a", b"listing", faults=[cut(3)])
    assert client.read(web.address + "/a")[0] == b"listing"


def test_a_listing_is_no_endless_body(web, client):
    web.put("/a", b"", faults=[endless])
    with pytest.raises(FetchError, match="/a has more than 100,000 bytes; it is no listing"):
        client.read(web.address + "/a", 100_000)


def test_an_unknown_host_is_named(quick):
    manners = dataclasses.replace(quick, retries=0)
    with pytest.raises(FetchError, match=r"host\.invalid/a: the host's name is unknown here"):
        Client(manners).read("http://host.invalid/a")


def test_a_host_that_is_down_is_named(web, quick):
    address = web.address
    web.socket.close()
    manners = dataclasses.replace(quick, retries=1)
    with pytest.raises(FetchError, match=r"/a: the host refuses connections .*\(2 tries\)"):
        Client(manners).read(address + "/a")


def test_answers_that_are_no_http_are_broken_connections(web, quick):
    def nonsense(handler, page) -> None:
        handler.wfile.write(b"\x00\x01SSH-2.0-nonsense\r\n")
        handler.close_connection = True

    web.put("/a", b"list", faults=[nonsense])
    assert Client(quick).read(web.address + "/a")[0] == b"list"


def test_control_characters_of_a_host_stay_off_the_terminal(web, client):
    def angry(handler, page) -> None:
        handler.wfile.write(b"HTTP/1.1 403 \x1b[31mNo\r\nContent-Length: 0\r\n\r\n")

    web.put("/a", b"", faults=[angry])
    with pytest.raises(FetchError) as caught:
        client.read(web.address + "/a")
    assert str(caught.value).isprintable()


def test_follows_redirects(web, client):
    web.put("/a", b"", faults=[status(302, Location="/b")])
    web.put("/b", b"", faults=[status(307, Location=web.address + "/c")])
    web.put("/c", b"there")
    assert client.read(web.address + "/a")[0] == b"there"


def test_follows_only_so_many(web, client):
    web.put("/a", b"", faults=[status(302, Location="/a")] * 99)
    with pytest.raises(FetchError, match="/a redirects more than 5 times"):
        client.read(web.address + "/a")
    assert len(web.requests) == 6


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://host/a", "javascript:1"])
def test_redirects_to_no_web_address_are_refused(web, client, location):
    web.put("/a", b"", faults=[status(302, Location=location)])
    with pytest.raises(FetchError, match=r"/a redirects to .*, which is no web address"):
        client.read(web.address + "/a")


def test_redirects_keep_a_signature_out_of_the_message():
    with pytest.raises(FetchError) as caught:
        redirected("https://host/a?Signature=secret", "http://host/b?Signature=secret")
    assert "secret" not in str(caught.value)
    assert "which is not encrypted" in str(caught.value)


@pytest.fixture
def encrypted(tmp_path, monkeypatch):
    """A server with TLS, whose certificate is trusted here."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = datetime.datetime.now(datetime.timezone.utc)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (tmp_path / "cert.pem").write_bytes(pem)
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with serve(context) as server:
        yield server


def test_from_https_to_http_is_refused(web, encrypted, client, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    web.put("/a", b"plain")
    encrypted.put("/a", b"", faults=[status(302, Location=web.address + "/a")])
    encrypted.put("/b", b"encrypted")
    assert client.read(encrypted.address + "/b")[0] == b"encrypted"
    with pytest.raises(FetchError, match="which is not encrypted; name a mirror"):
        client.read(encrypted.address + "/a")
    assert web.requests == []


def test_from_http_to_https_is_followed(web, encrypted, client, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    encrypted.put("/a", b"encrypted")
    web.put("/a", b"", faults=[status(301, Location=encrypted.address + "/a")])
    assert client.read(web.address + "/a")[0] == b"encrypted"


def test_a_certificate_that_is_not_trusted_is_final(encrypted, client):
    with pytest.raises(FetchError, match=r"certificate is not trusted .*SSL_CERT_FILE"):
        client.read(encrypted.address + "/a")
    assert encrypted.requests == []


def test_asks_for_a_size_without_the_body(web, client):
    web.put("/a", b"12345")
    web.put("/b", b"12345", announces=-1)
    assert client.size(web.address + "/a") == 5
    assert client.size(web.address + "/b") is None
    assert [request.method for request in web.requests] == ["HEAD", "HEAD"]
    with pytest.raises(Missing):
        client.size(web.address + "/c")


ROBOTS = b"User-agent: *\nDisallow: /closed\n\nUser-agent: Pasture\nCrawl-delay: 3\nDisallow: /no\n"


def test_robots_txt_is_obeyed(web, quick):
    web.put("/robots.txt", ROBOTS)
    client = Waits(quick)
    client.obey_robots(web.address + "/closed/a")
    client.obey_robots(web.address + "/a")
    assert client.waited == []
    client.read(web.address + "/robots.txt")
    client.read(web.address + "/robots.txt")
    assert round(client.waited[0]) == 3
    with pytest.raises(FetchError, match=r"robots.txt forbids .*/no/a to programs; .*--ignore-r"):
        client.obey_robots(web.address + "/no/a")


@pytest.mark.parametrize("code", [404, 410, 403, 401])
def test_no_robots_txt_forbids_nothing(web, client, code):
    web.put("/robots.txt", b"", faults=[status(code)])
    client.obey_robots(web.address + "/a")


def test_a_host_without_an_answer_forbids_all(web, client):
    web.put("/robots.txt", b"", faults=[status(503)] * 9)
    with pytest.raises(FetchError, match=r"robots.txt: HTTP 503"):
        client.obey_robots(web.address + "/a")


def test_goes_through_a_proxy(web, client, monkeypatch):
    monkeypatch.setenv("http_proxy", web.address)
    monkeypatch.delenv("no_proxy", raising=False)
    web.put("http://host.invalid/a", b"by proxy")
    assert client.read("http://host.invalid/a")[0] == b"by proxy"


def test_a_contact_is_no_header_of_its_own(quick):
    with pytest.raises(ConfigError, match="--contact"):
        Client(quick, contact="me\r\nX-Other: 1")
