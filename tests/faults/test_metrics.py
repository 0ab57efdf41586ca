"""The figures for Prometheus: the text, and `jitctl metrics --http`, which a scraper's connection starts: what it answers to whom."""

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import time
import urllib.request

import pytest
from broker_harness import PATIENCE, PUBLISH, Client, Daemon, class_
from test_operators import JITCTL, OBJECT, ctl, tool
from test_systemd import is_listening, until

GET = b"GET /metrics HTTP/1.1\r\nHost: jitd\r\nAccept: text/plain\r\n\r\n"


@pytest.fixture
def d():
    with Daemon() as daemon, Client(daemon.path, lives=True) as c:
        c.ask(PUBLISH, name="limiter", object=OBJECT)
        c.compile("ok", [class_("C", [("x", "int")])])
        yield daemon


def parsed(text):
    """By Prometheus's own parser for Python: name and labels -> value."""
    parser = pytest.importorskip("prometheus_client.parser", reason="prometheus-client IS NOT INSTALLED")
    samples = [s for family in parser.text_string_to_metric_families(text) for s in family.samples]
    values = {(s.name, *sorted(s.labels.items())): s.value for s in samples}
    assert len(values) == len(samples), "a figure is there twice"
    return values


def test_the_text(d):
    text = ctl(d, "metrics")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r'jitd_[a-z_]+(\{uid="\d+",namespace="[^"]*"\})? [-+.e0-9]+', line) for line in lines)
    assert f'jitd_namespace_names{{uid="{os.getuid()}",namespace="default"}} 1' in lines
    heads = re.findall(r"^# TYPE (\S+) (counter|gauge)$", text, re.M)
    assert len(heads) == len(set(heads)) and all((kind == "counter") == name.endswith("_total") for name, kind in heads)


def test_promtool(d):
    run = subprocess.run([tool("promtool"), "check", "metrics"], input=ctl(d, "metrics"), capture_output=True, text=True)
    assert run.returncode == 0 and not run.stdout + run.stderr


def test_a_namespace_may_have_any_name(d):
    """What is no UTF-8 would have a scraper refuse everything, of all users."""
    names = [b"\xff", b"\xfe", b"\\xff", b'quo"te', b"line\nbreak", "naïve".encode(), b"\xed\xa0\x80", b"end\\"]
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(Client(d.path, name.decode("utf-8", "surrogateescape"), lives=True))
        text = subprocess.run([JITCTL, "--socket", d.path, "metrics"], capture_output=True, check=True).stdout.decode()
        labels = {dict(key[1:])["namespace"] for key in parsed(text) if key[0] == "jitd_namespace_clients"}
    assert labels == {"default", r"\xff", r"\xfe", r"\\xff", 'quo"te', "line\nbreak", "naïve", r"\xed\xa0\x80", r"end\\"}


# ---- over HTTP ----


class Scrape:
    """A connection as systemd hands it over, with its jitctl."""

    def __init__(self, path, buffer=None):
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(PATIENCE)
        with theirs:
            if buffer:
                theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
            self.process = subprocess.Popen([JITCTL, "--socket", path, "metrics", "--http"], stdin=theirs, stdout=theirs, stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.socket.close()
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def rest(self):
        """All that comes until the other side leaves."""
        parts = []
        while part := self.socket.recv(65536):
            parts.append(part)
        return b"".join(parts)

    def ended(self):
        """Its status, once the peer is gone."""
        self.socket.close()
        return self.process.wait(timeout=PATIENCE)


def scrape(path, *pieces):
    """(status, head, body) of the answer to a request that comes in pieces."""
    with Scrape(path) as s:
        for piece in pieces:
            s.socket.sendall(piece)
            time.sleep(0.01)
        answer = s.rest()
        status = s.ended()
    assert status == 0, status
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(re.match(rb"HTTP/1\.0 (\d{3}) [A-Z]", head)[1]), head, body


def test_http(d):
    status, head, body = scrape(d.path, GET)
    assert status == 200 and b"\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n" in head
    assert f"\r\nContent-Length: {len(body)}\r\n".encode() in head
    values = parsed(body.decode())
    assert values["jitd_namespace_names", ("namespace", "default"), ("uid", str(os.getuid()))] == 1
    assert values["jitd_compilations_total",] == 1 and values["jitd_clients",] == 1


def test_http_head(d):
    status, head, body = scrape(d.path, b"HEAD /metrics HTTP/1.0\r\n\r\n")
    assert status == 200 and body == b"" and int(re.search(rb"Content-Length: (\d+)", head)[1]) > 1000


@pytest.mark.parametrize("pieces, status", [
    ([b"GET /metrics?a=b HTTP/1.0\n\n"], 200),
    ([b"G", b"ET /met", b"rics HTTP/1.1\r", b"\n\r", b"\n"], 200),
    ([GET + GET], 200),
    ([GET + b"x" * 5000], 200),
    ([b"GET / HTTP/1.1\r\n\r\n"], 404),
    ([b"GET /metrics/../../etc/passwd HTTP/1.1\r\n\r\n"], 404),
    ([b"GET /metrics\0 HTTP/1.1\r\n\r\n"], 404),
    ([b"POST /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"], 405),
    ([b"get /metrics HTTP/1.1\r\n\r\n"], 405),
    ([b"GET /metrics\r\n\r\n"], 400),
    ([b"GET  /metrics HTTP/1.1\r\n\r\n"], 400),
    ([b"GET /metrics HTTP/1.1 \r\n\r\n"], 400),
    ([b"GET /metrics HTTP/11\r\n\r\n"], 400),
    ([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], 400),
    ([b"\r\n\r\n"], 400),
    ([b"\n\n"], 400),
    ([b"\0\0\n\n"], 400),
    ([b"\x16\x03\x01\x02\x00\x01\x00\n\n"], 400),
    ([b"GET /metrics HTTP/1.1\r\n", b"X: " + b"y" * 8192], 431),
    ([b"GET " + b"/" * 65000 + b" HTTP/1.1\r\n\r\n"], 431),
])
def test_requests(d, pieces, status):
    assert scrape(d.path, *pieces)[0] == status


def test_any_bytes(d):
    """None ends otherwise than with an answer."""
    random.seed(11)
    for _ in range(40):
        request = bytearray(GET)
        for _ in range(random.randrange(1, 6)):
            request[random.randrange(len(request) - 4)] = random.randrange(256)
        assert scrape(d.path, bytes(request))[0] in (200, 400, 404, 405), bytes(request)


def test_who_asks_nothing(d):
    with Scrape(d.path) as s:
        s.socket.shutdown(socket.SHUT_WR)
        assert s.rest() == b"" and s.ended() == 0
    with Scrape(d.path) as s:
        s.socket.sendall(b"GET /me")
        s.socket.shutdown(socket.SHUT_WR)
        assert s.rest().startswith(b"HTTP/1.0 400 ") and s.ended() == 0


def test_who_leaves_before_the_answer(d):
    with Scrape(d.path) as s:
        s.socket.sendall(GET)
        assert s.ended() in (0, 1)  # by itself, and without a signal


def test_who_is_slow(d):
    with Scrape(d.path) as s:
        s.socket.sendall(GET[:-2])
        start = time.monotonic()
        assert s.rest().startswith(b"HTTP/1.0 408 ") and time.monotonic() - start > 4
        assert s.ended() == 0


def test_who_does_not_read(d):
    """It has the process for 10 s, and nobody else waits meanwhile."""
    with Scrape(d.path, buffer=1) as s:
        s.socket.sendall(GET)
        assert scrape(d.path, GET)[0] == 200
        assert s.process.poll() is None
        assert s.process.wait(timeout=PATIENCE) == -signal.SIGALRM


def test_without_a_daemon(tmp_path):
    with Scrape(tmp_path / "nobody") as s:
        s.socket.sendall(GET)
        assert s.rest().startswith(b"HTTP/1.0 503 ")
        assert b"no daemon listens" in s.process.stderr.read()


def test_http_is_for_metrics(d):
    assert "--http is for metrics" in ctl(d, "--http", "status", status=2)


def test_a_socket_that_systemd_accepts_from(d):
    """curl, and a scraper's library over TCP, each with a process of its own."""
    path = d.directory / "metrics"
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    programs = [JITCTL, "--socket", d.path, "metrics", "--http"]
    started = [subprocess.Popen([tool("systemd-socket-activate"), "--accept", "--inetd", "-l", where, *programs], stderr=subprocess.DEVNULL)
               for where in (path, f"127.0.0.1:{port}")]
    try:
        until(lambda: is_listening(path))
        for _ in range(5):
            run = subprocess.run([tool("curl"), "-sS", "--fail", "--unix-socket", path, "http://jitd/metrics"], capture_output=True, text=True)
            assert run.returncode == 0 and "jitd_clients 1\n" in run.stdout, run.stderr
        with until(lambda: tcp_answer(port)) as answer:
            assert "jitd_clients 1\n" in answer.read().decode()
    finally:
        for p in started:
            p.kill()
            p.wait()


def tcp_answer(port):
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE)
    except ConnectionError:
        return None
