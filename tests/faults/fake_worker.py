"""A compiler process for the broker's tests: what it does with a unit is the unit's name ("crash", "hang", "lie entry", …).

It speaks the worker's side of docs/protocol.md on its standard input and output."""

import os
import signal
import struct
import sys
import time

import msgpack
from broker_harness import VERSION

JOB, DONE = 96, 97
DIRECTORY = os.environ.get("FAKE_WORKER_DIRECTORY")  # a test of the daemon's imports this file, too
CODE = bytes(range(256)) * 2
IMAGE = {
    "code": CODE,
    "entries": [[0, 16], [32, 48]],
    "fixups": [[100, 5, -4], [200, 0, -8]],
    "class_table": 300,
    "nclasses": 0,
    "meta": b"the meta",
    "timings": {"lex": 11, "codegen": 500},
}
LIES = {
    "entry": {"entries": [[0, 512]]},
    "entry far": {"entries": [[2**32 - 1, 0]]},
    "fixup": {"fixups": [[509, 5, -4]]},
    "fixup far": {"fixups": [[2**32 - 1, 5, -4]]},
    "import": {"fixups": [[0, 4096, -4]]},
    "addend": {"fixups": [[0, 0, -(2**31)]]},
    "class table": {"class_table": 512 - 4, "nclasses": 2},
    "class table far": {"class_table": 2**32 - 4, "nclasses": 2},
    "class table odd": {"class_table": 301, "nclasses": 2},
    "classes": {"nclasses": 200},
    "huge numbers": {"entries": [[2**64 - 1, 2**64 - 1]]},
    "negative": {"entries": [[-1, -1]]},
    "no code": {"code": None},
    "code type": {"code": "text"},
    "entries type": {"entries": {"a": 1}},
    "much code": {"code": b"\x90" * (2 << 20)},
}


def frame(message):
    body = msgpack.packb(message)
    return struct.pack("<I", len(body)) + body


def write(data):
    while data:
        data = data[os.write(1, data) :]


def read_exactly(n):
    data = b""
    while len(data) < n:
        more = os.read(0, n - len(data))
        if not more:
            sys.exit(0)
        data += more
    return data


def write_down(name, line):
    with open(f"{DIRECTORY}/{name}", "a") as f:
        f.write(f"{line}\n")


def answer(number, job):
    unit = msgpack.unpackb(job["unit"])
    write_down("begun", unit["name"])
    image = IMAGE | {"nclasses": len(unit["defs"])}
    verb, _, rest = unit["name"].partition(" ")
    if verb == "lie":
        return frame([DONE, number, image | LIES[rest]])
    if verb == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if verb == "half":  # dies in the middle of its answer
        write(frame([DONE, number, image])[: int(rest)])
        os.kill(os.getpid(), signal.SIGKILL)
    if verb == "answer-then-die":
        write(frame([DONE, number, image]))
        os._exit(3)
    if verb == "exit":
        os._exit(int(rest))
    if verb == "hang":
        time.sleep(1000)
    if verb == "close":
        os.close(1)
        time.sleep(1000)
    if verb == "wait":  # for the test
        while not os.path.exists(f"{DIRECTORY}/{rest}"):
            time.sleep(0.002)
    if verb == "garbage":
        return b"\x05\0\0\0\xdd\xff\xff\xff\xff"
    if verb == "claim":
        return b"\xff\xff\xff\xff"
    if verb == "flood":
        while True:
            write(frame([DONE, number + 1, {}]) * 1000)
    if verb == "other":
        return frame([DONE, number + 1, image])
    if verb == "twice":
        return frame([DONE, number, image]) * 2
    if verb == "big":
        image["code"] = b"\xc3" * int(rest)
    if verb == "error":
        return frame([DONE, number, {"error": rest}])
    return frame([DONE, number, image])


def main():
    start = os.environ.get("FAKE_WORKER_START", "")
    write_down("starts", str(os.getpid()))
    if start == "die":
        sys.exit(7)
    if start == "garbage":
        write(b"garbage garbage")
    if start == "silent":
        time.sleep(1000)
    version = VERSION - 1 if start == "other version" else VERSION
    write(frame([DONE, 0, {"version": version, "identity": os.environ.get("FAKE_WORKER_IDENTITY", "fake 1")}]))
    while True:
        body = msgpack.unpackb(read_exactly(struct.unpack("<I", read_exactly(4))[0]))
        assert body[0] == JOB
        job = body[2]
        if job["what"] != "image":
            write(frame([DONE, body[1], {"text": f"{job['what']} of {job.get('method')}"}]))
        else:
            write(answer(body[1], job))


if __name__ == "__main__":
    main()
