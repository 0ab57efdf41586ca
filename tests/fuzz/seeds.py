"""Writes the fuzzers' seeds, from what the tests have: one directory for each target, and a dictionary of Python's words.
(One of msgpack's keys, for the other targets, was tried: they come as far without it.)

seeds.py DIRECTORY. Runs a daemon, a compiler process and jitd-cc of the build tree (JITD_BUILD) and, as a client, the package jitd."""

import hashlib
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import msgpack

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in (".", "faults", "differential", "integration")]
from toolchain import clang  # noqa: E402
from broker_harness import BUILD, CLASSES, DEATH, DUMP, ERROR, FIND, GROW, HELLO, LOOKUP, PUBLISH, REAP, REPLY, SEGMENT, STATS, VERSION, Client, Daemon, frame  # noqa: E402
from compiler_process import DONE, WORKER, Worker  # noqa: E402
from generate import Generator  # noqa: E402
from test_never_returns import PLACES, source  # noqa: E402

CC = BUILD / "server/tool/jitd-cc"
LARGEST = 16384  # bytes of a seed: what is longer is mutated too seldom
TEXT_FILE, TEXT_FUNCTION = b"\0", b"\1"  # first bytes of the targets, see there
COMPILE_TEXT, COMPILE_UNIT, DUMPS = b"0", b"1", (b"2", b"4", b"6")
CACHE_RAW, CACHE_SUM, CACHE_IMAGE, CACHE_INDEX = b"\0", b"\1", b"\3", b"\5"
COMPILE = 3


class Seeds:
    def __init__(self, directory):
        self.directory = directory

    def add(self, target, data, largest=LARGEST):
        folder = self.directory / target
        folder.mkdir(parents=True, exist_ok=True)
        if len(data) <= largest:
            (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)

    def add_dictionary(self, target, words):
        lines = ('"' + "".join(f"\\x{b:02x}" for b in word.encode()) + '"\n' for word in words)
        (self.directory / f"{target}.dict").write_text("".join(lines))


def text_files():
    for pattern in ("tests/golden/*/*.py", "examples/*.py", "tests/integration/language/*.py"):
        yield from sorted(ROOT.glob(pattern))


def programs(count):
    """Small ones of the differential test's."""
    for seed in range(count):
        yield "import math\n\n" + Generator(random.Random(seed), f"C{seed}", 2, 1).source()


def functions_of(text):
    """The text of each function or class at the top of a file."""
    return re.findall(r"^(?:@.*\n)*(?:def|class) .*\n(?:(?:[ \t].*)?\n)*", text, re.M)


def seed_texts(seeds):
    texts = [path.read_text() for path in text_files()] + list(programs(20)) + [source(place, 0) for place in PLACES[::3]]
    for text in texts:
        seeds.add("parse", TEXT_FILE + text.encode())
        for how in (COMPILE_TEXT, *DUMPS):
            seeds.add("compile", how + text.encode())
        for part in functions_of(text):
            seeds.add("parse", TEXT_FUNCTION + part.encode())
            seeds.add("compile", COMPILE_TEXT + part.encode())
    tokens = (ROOT / "server/compiler/tokens.def").read_text()
    words = re.findall(r'^(?:OPERATOR|KEYWORD)\(\w+, "(.+)"\)', tokens, re.M)
    soft = ["match", "case", "type", "_", "int", "float", "bool", "range", "self", "math.", "print", 'f"', "\n    ", "'''", '"""', "{", "}", "\\\n", "\t", "0x", "1e", "@"]
    for target in ("parse", "compile"):
        seeds.add_dictionary(target, words + soft)


def assembled(text, folder):
    out = Path(folder) / "object.o"
    subprocess.run([clang(), "-c", "-x", "assembler", "-", "-o", out], input=text, check=True)
    return out.read_bytes()


def seed_objects(seeds, folder):
    """What the compiler gives the linker, one object or two: its assembly, assembled."""
    for path in [*sorted(ROOT.glob("tests/golden/typed/*.py")), ROOT / "examples/point.py"]:
        assembly = subprocess.run([CC, "--dump=asm", path], capture_output=True).stdout
        if assembly.startswith(b"error: "):
            continue
        _names, *modules = re.split(rb"^(?=\t\.file\t)", assembly, flags=re.M)  # what LLVM 19 says before it, .text, is so anyway
        objects = [assembled(text, folder) for text in modules]
        seeds.add("link", len(objects[0]).to_bytes(2, "big") + b"".join(objects), 1 << 16)


def described_units():
    """Units as the tool makes them."""
    for path in text_files():
        made = subprocess.run([CC, "--dump=unit", path], capture_output=True).stdout
        if not made.startswith(b"error: "):
            yield made


def first_messages(client_bytes):
    """The numbers and bodies of a client's stream."""
    at = 0
    while at + 4 <= len(client_bytes):
        size = int.from_bytes(client_bytes[at : at + 4], "little")
        yield msgpack.unpackb(client_bytes[at + 4 : at + 4 + size], strict_map_key=False)
        at += 4 + size


class Tap:
    """A socket between a client and the daemon; keeps what the client says."""

    def __init__(self, folder, daemon):
        self.path, self.daemon, self.said = Path(folder) / "tap", daemon, []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(self.path))
        self.socket.listen(8)
        self.start(self.accept)

    @staticmethod
    def start(work, *arguments):
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def accept(self):
        while True:
            client, _address = self.socket.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self.daemon))
            said = bytearray()
            self.said.append(said)
            self.start(self.relay, client, server, said)
            self.start(self.relay, server, client, bytearray())

    @staticmethod
    def relay(source, target, kept):
        while True:
            try:
                data, fds, _flags, _address = socket.recv_fds(source, 1 << 16, 64)
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                kept += data
                socket.send_fds(target, [data], fds) if fds else target.sendall(data)
            except OSError:
                return
            for fd in fds:
                os.close(fd)


def conversations(folder, daemon):
    """What the package says to a daemon: each element is one connection's bytes."""
    tap = Tap(folder, daemon)
    for example in ("point", "planets"):
        environment = os.environ | {"JITD_SOCKET": str(tap.path)}
        subprocess.run([sys.executable, ROOT / f"examples/{example}.py"], env=environment, check=True, stdout=subprocess.DEVNULL)
    return [bytes(said) for said in tap.said]


def still(body):
    """Without the times that it took, which are others each time."""
    body = dict(body)
    if "timings" in body:
        body["timings"] = {k: 0 for k in body["timings"]}
    if "meta" in body:
        body["meta"] = msgpack.packb(still(msgpack.unpackb(body["meta"], strict_map_key=False)))
    return body


def seed_units(seeds, units, images):
    for unit, body in zip(units, map(still, images)):
        answer = frame([DONE, 1, body])
        seeds.add("unit", unit)
        seeds.add("compile", COMPILE_UNIT + unit)
        seeds.add("frame", b"\xff" + answer)
        if "meta" not in body:
            continue
        seeds.add("meta", bytes([len(msgpack.unpackb(unit)["defs"])]) + body["meta"])
        if len(unit) < LARGEST:
            seeds.add("cache", CACHE_IMAGE + len(unit).to_bytes(2, "big") + unit + answer[4:])
        seeds.add("broker", talk(unit, body))
    observed = [[HELLO, 1, {"version": VERSION, "namespace": "n", "observe": True}], [STATS, 2, {}], [DUMP, 3, {"name": "m.f", "what": "asm"}], [GROW, 4, {}]]
    seeds.add("broker", b"".join(map(frame, observed)))
    seeds.add("cache", CACHE_INDEX + bytes(88))
    seeds.add("cache", CACHE_SUM + bytes(56) + b"(\xb5/\xfd")
    seeds.add("cache", CACHE_RAW + b"jitdimg\0" + bytes(48))


def talk(unit, body):
    """Everything that a client may ask, with a compilation in the midst of it; see fuzz_broker.c."""
    key = msgpack.unpackb(unit)["key"]
    requests = [
        (HELLO, {"version": VERSION, "namespace": "n", "chunks": 1}), (LOOKUP, {"keys": [key]}), (COMPILE, {"unit": unit}), None,
        (LOOKUP, {"keys": [key]}), (GROW, {"chunks": 2}), (PUBLISH, {"name": "a", "object": 65536}), (FIND, {"name": "a"}),
        (CLASSES, {}), (STATS, {}), (REAP, {"row": 1}), (DUMP, {"key": key, "what": "ir", "method": "norm"}),
        (PUBLISH, {"name": "a", "object": 0}),
    ]  # fmt: skip
    frames = [frame([DONE, 1, body] if r is None else [r[0], i + 1, r[1]]) for i, r in enumerate(requests)]
    return b"".join([*frames, frame([DONE, 2, {"text": "define"}])])


def seed_answers(seeds, daemon, units):
    """The daemon's answers to a client that asks for classes and methods, with the numbers that its requests will have."""
    client = Client(daemon)
    for unit in units:
        client.ask(COMPILE, unit=unit)
    every = client.ask(CLASSES)["classes"]
    seeds.add("answers", frame([REPLY, 1, {"classes": [one | {"class_id": i, "compile_us": 0} for i, one in enumerate(every[:8], 1)]}]))
    for one in every:
        classes = {"classes": [one | {"class_id": 1, "compile_us": 0}]}
        looked = client.ask(LOOKUP, keys=one["units"])
        looked["units"] = [still(unit) for unit in looked["units"]]
        for unit in looked["units"]:
            unit["classes"][0][1] = 1
        answers = [frame([REPLY, i, looked if i % 2 == 0 else classes]) for i in range(1, 5)]
        seeds.add("answers", b"".join(answers))
    events = [[DEATH, 0, {"row": 3}], [SEGMENT, 0, {"offset": 65536, "size": 65536}], [ERROR, 1, {"code": "busy", "message": "no"}]]
    seeds.add("answers", b"".join(map(frame, events)))
    client.close()


def seed_arena(seeds):
    """A byte changed in each object's length word, head and count, and in the first chunks' entries."""
    for number in (*range(41), *range(224, 256)):
        for byte, value in ((16, 255), (23, 255), (0, 4), (0, 61), (0, 62), (4, 1), (8, 0), (1, 1)):
            seeds.add("arena", bytes([number, byte, value]))


def main(directory):
    seeds = Seeds(Path(directory))
    seed_arena(seeds)
    seed_texts(seeds)
    with tempfile.TemporaryDirectory(prefix="jitd-seeds-") as folder, Daemon(worker=WORKER) as daemon, Worker() as worker:
        seed_objects(seeds, folder)
        streams = conversations(folder, daemon.path)
        sent = [body["unit"] for said in streams for number, _id, body in first_messages(said) if number == COMPILE]
        units = sorted(set(sent)) + list(described_units())
        assert sent and len(units) > len(sent)
        for said in streams:
            seeds.add("frame", b"\x0f" + said)
            seeds.add("broker", said)
        images = [worker.compile(unit) for unit in units]
        seed_units(seeds, units, images)
        seed_answers(seeds, daemon.path, [unit for unit, image in zip(units, images) if "meta" in image])


if __name__ == "__main__":
    main(*sys.argv[1:])
