"""libjitd.so through ctypes, in a process without jitd's Python package, on classes that a Python process has had compiled."""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PATIENCE, is_served, until

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("JITD_BUILD", ROOT / "build"))
SOURCE = '''
import jitd
from typing import Optional

@jitd.jitclass
class Cell:
    value: int
    small: jitd.int8
    weight: jitd.float32
    flag: bool
    next: Optional["Cell"]

    def add(self, a: int, b: int) -> int:
        return a + b + self.value

    def narrow(self, a: jitd.int8, b: jitd.uint16, c: jitd.float32) -> jitd.float32:
        return c

    def pair(self, x: float, y: int) -> tuple[int, float]:
        return y, x

    def not_(self, a: bool) -> bool:
        return not a

    def refuse(self, n: int) -> int:
        if n < 0:
            raise ValueError(f"{n} is negative")
        return n

    def divide(self, a: int, b: int) -> int:
        return a // b

    def store(self, a: int, b: int) -> int:
        other = Cell(0, 0, 0.0, False, None)
        self.next = other
        other.value = a
        return a // b

    def depth(self, n: int) -> int:
        return 1 + self.depth(n + 1) if n else 0

    def through(self, n: int) -> int:
        return self.refuse(n) + 1

    def link(self, other: Optional["Cell"]) -> None:
        self.next = other

    def total(self) -> int:
        s = 0
        c = self
        while c is not None:
            s += c.value
            c = c.next
        return s

    def spin(self, n: int) -> int:
        x = 0
        for i in range(n):
            x = (x * 1103515245 + 12345 + i) % 2147483648
        return x

    def listed(self, n: int) -> int:
        a = [True, False]
        b = []
        for i in range(n):
            b.append(i)
        return len(a) + len(b)

    def keep(self, n: int) -> None:
        self.kept = str(n)

    def read(self, n: int) -> int:
        s = 0
        for i in range(n):
            kept = self.kept
            s += i
        return s

    def told(self, n: int) -> int:
        for i in range(n):
            self.value += i
        if n > 3:
            print(n)
        return self.value

    def label(self, n: int, text: str):
        for i in range(n):
            self.value += i
        return text

    @staticmethod
    def twice(a: int) -> int:
        return 2 * a
'''
RUN = """
import cells
c = cells.Cell(1, 2, 3.0, True, None)
c.add(1, 2), c.narrow(1, 2, 3.0), c.pair(1.0, 2), c.not_(True), c.refuse(1), c.divide(7, 2), c.depth(0), c.store(1, 1), c.through(1)
c.link(None), c.total(), c.spin(2), cells.Cell.twice(4), c.told(1), c.label(1, 'x')
"""
OK, DISCONNECTED, NOT_FOUND, TYPE, RANGE, EXCEPTION, REDO = 0, -2, -3, -4, -5, -7, -8


class Value(ctypes.Union):
    _fields_ = [("i", ctypes.c_int64), ("u", ctypes.c_uint64), ("f", ctypes.c_double), ("f32", ctypes.c_float), ("ref", ctypes.c_uint64)]


class Frame(ctypes.Structure):
    _fields_ = [("function", ctypes.c_char * 128), ("file", ctypes.c_char * 256), ("line", ctypes.c_int)]


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("exception", ctypes.c_char * 64), ("message", ctypes.c_char * 512), ("nframes", ctypes.c_int),
                ("frames", Frame * 17)]


class Options(ctypes.Structure):
    _fields_ = [("socket", ctypes.c_char_p), ("name_space", ctypes.c_char_p), ("daemon", ctypes.c_char_p)]


class Session:
    def __init__(self, socket):
        self.lib = ctypes.CDLL(str(BUILD / "client/lib/libjitd.so"))
        self.handle, self.error = ctypes.c_void_p(), Error()
        options = Options(os.fsencode(socket), None, b"")
        assert self.lib.jitd_attach(ctypes.byref(options), ctypes.byref(self.handle), ctypes.byref(self.error)) == OK, self.error.message

    def do(self, name, *arguments):
        return getattr(self.lib, name)(self.handle, *arguments, ctypes.byref(self.error))

    def find(self, name):
        found = ctypes.c_void_p()
        assert self.do("jitd_class_find", name.encode(), ctypes.byref(found)) == OK, self.error.message
        return found

    def new(self, cls):
        ref = ctypes.c_uint64()
        assert self.do("jitd_new", cls, ctypes.byref(ref)) == OK
        return ref

    def set(self, ref, field, **value):
        return self.do("jitd_set", ref, field.encode(), Value(**value))

    def get(self, ref, field):
        value = Value()
        return self.do("jitd_get", ref, field.encode(), ctypes.byref(value)), value

    def call(self, ref, method, *values, results=1):
        """(return code, results)"""
        ins, outs = (Value * max(1, len(values)))(*values), (Value * max(1, results))()
        code = self.do("jitd_call_named", ref, method.encode(), ins, ctypes.c_size_t(len(values)), outs, ctypes.c_size_t(results))
        return code, outs

    def said(self):
        e = self.error
        return e.exception.decode(), e.message.decode(), [(f.function.decode(), f.line) for f in e.frames[: e.nframes]]


@pytest.fixture(scope="module")
def socket(tmp_path_factory):
    directory = tmp_path_factory.mktemp("cells")
    (directory / "cells.py").write_text(SOURCE)
    path = directory / "sock"
    daemon = subprocess.Popen([BUILD / "server/broker/jitd", "--socket", path, "--cache-dir", directory / "cache", "--deadline", str(PATIENCE)])
    try:
        until(lambda: is_served(path) or daemon.poll() is not None)
        environment = os.environ | {"JITD_SOCKET": str(path)}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(directory), os.environ.get("PYTHONPATH")]))
        subprocess.run([sys.executable, "-W", "error", "-c", RUN], env=environment | {"JITD_WARN": "off"}, check=True, timeout=600)
        yield path
    finally:
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(PATIENCE) == 0


@pytest.fixture
def session(socket):
    s = Session(socket)
    yield s
    s.lib.jitd_detach(s.handle)


@pytest.fixture
def cell(session):
    return session.new(session.find("cells.Cell"))


def test_ints_and_fields(session, cell):
    assert session.set(cell, "value", i=100) == OK
    code, out = session.call(cell, "add", Value(i=-1), Value(i=2**40))
    assert (code, out[0].i) == (OK, 2**40 + 99)


@pytest.mark.parametrize("c", [0.0, -0.0, 1.5, float("inf"), 3.4028234663852886e38])
def test_narrow_arguments(session, cell, c):
    code, out = session.call(cell, "narrow", Value(i=-128), Value(u=65535), Value(f32=c))
    assert code == OK
    assert Value(f32=out[0].f32).u & 0xFFFFFFFF == Value(f32=c).u & 0xFFFFFFFF
    assert session.call(cell, "narrow", Value(i=-129), Value(u=0), Value(f32=c))[0] == RANGE
    assert session.call(cell, "narrow", Value(i=0), Value(u=65536), Value(f32=c))[0] == RANGE


def test_tuple_results_are_two_values(session, cell):
    code, out = session.call(cell, "pair", Value(f=2.5), Value(i=-7), results=2)
    assert (code, out[0].i, out[1].f) == (OK, -7, 2.5)
    assert session.call(cell, "pair", Value(f=2.5), Value(i=-7), results=1)[0] == TYPE


def test_bool(session, cell):
    assert [session.call(cell, "not_", Value(i=b))[1][0].i for b in (0, 1)] == [1, 0]
    assert session.call(cell, "not_", Value(i=2))[0] == RANGE


def test_static_method_needs_no_self(session, cell):
    method, out = ctypes.c_void_p(), Value()
    assert session.do("jitd_method_find", session.find("cells.Cell"), b"twice", ctypes.byref(method)) == OK, session.said()
    assert session.do("jitd_call", method, ctypes.c_uint64(0), ctypes.byref(Value(i=21)), ctypes.c_size_t(1), ctypes.byref(out),
                      ctypes.c_size_t(1)) == OK
    assert out.i == 42


def line(text):
    return SOURCE.splitlines().index(text) + 1


def test_exception_has_message_file_and_lines(session, cell):
    raised, called = line('            raise ValueError(f"{n} is negative")'), line("        return self.refuse(n) + 1")
    assert session.call(cell, "refuse", Value(i=-5))[0] == EXCEPTION
    assert session.said() == ("ValueError", "-5 is negative", [("refuse", raised)])
    assert session.error.frames[0].file.decode().endswith("/cells.py")
    assert session.call(cell, "through", Value(i=-6))[0] == EXCEPTION
    assert session.said() == ("ValueError", "-6 is negative", [("refuse", raised), ("through", called)])
    assert session.call(cell, "through", Value(i=6))[1][0].i == 7


def test_arithmetic_errors(session, cell):
    for method, a, b in ("divide", 1, 0), ("add", 2**63 - 1, 1):  # no effect yet: Python would do it over
        assert session.call(cell, method, Value(i=a), Value(i=b))[0] == REDO
        assert session.said() == ("ArithmeticError", f"{method}: an operation failed, or its exact result does not fit 64 bits", [])
    assert session.call(cell, "store", Value(i=1), Value(i=0))[0] == EXCEPTION  # it has stored into another object already
    assert session.said()[0] == "ZeroDivisionError"
    assert session.call(cell, "divide", Value(i=-7), Value(i=2))[1][0].i == -4


def test_endless_recursion_is_stopped(session, cell):
    assert session.call(cell, "depth", Value(i=1))[0] == EXCEPTION
    exception, message, frames = session.said()
    assert exception == "RecursionError" and len(frames) == 17


def test_what_only_the_interpreter_does(session, cell):
    session.set(cell, "value", i=0)
    assert session.call(cell, "told", Value(i=3))[1][0].i == 3
    assert session.call(cell, "told", Value(i=4))[0] == EXCEPTION
    exception, message, frames = session.said()
    assert exception == "RuntimeError" and message.startswith("this part is the interpreter's, which a C program has not: the built-in print")
    assert frames == [("told", line("            print(n)"))]
    for results in 0, 1:
        assert session.call(cell, "label", Value(i=3), Value(u=0), results=results)[0] == TYPE


def test_objects_are_only_the_interpreter_s(session, cell):
    session.set(cell, "value", i=7)
    assert session.call(cell, "listed", Value(i=3))[0] == EXCEPTION
    assert session.said() == ("NotImplementedError", "a Python object needs a Python interpreter", [])
    assert session.call(cell, "read", Value(i=3))[0] == EXCEPTION
    exception, message, frames = session.said()
    assert (exception, message, frames) == ("RuntimeError", "'kept' is a Python field, which a C program has not", [("read", line("            kept = self.kept"))])
    assert session.get(cell, "value")[1].i == 7


def test_references(session, cell):
    cls = session.find("cells.Cell")
    code, value = session.get(cell, "next")
    assert code == EXCEPTION and session.said()[0] == "AttributeError"
    other = session.new(cls)
    session.set(cell, "value", i=1), session.set(other, "value", i=41)
    assert session.call(other, "link", Value(ref=1), results=0)[0] == OK  # None
    assert session.call(cell, "link", Value(ref=other.value), results=0)[0] == OK
    session.lib.jitd_unref(session.handle, other)
    code, out = session.call(cell, "total")
    assert (code, out[0].i) == (OK, 42)
    code, value = session.get(cell, "next")
    assert (code, value.ref) == (OK, other.value)
    session.lib.jitd_unref(session.handle, other)
    assert session.call(cell, "link", Value(ref=0), results=0)[0] == TYPE
    assert session.call(cell, "link", Value(ref=cell.value + 8), results=0)[0] == TYPE


def test_loops_run_without_an_interpreter(session, cell):
    def spin(n):
        x = 0
        for i in range(n):
            x = (x * 1103515245 + 12345 + i) % 2147483648
        return x

    assert session.call(cell, "spin", Value(i=100_000))[1][0].i == spin(100_000)


def test_python_and_c_share_an_instance(session, cell, socket):
    session.set(cell, "value", i=5), session.set(cell, "small", i=-3), session.set(cell, "flag", i=1)
    assert session.do("jitd_publish", b"from C", cell) == OK
    script = """
import cells, jitd
c = cells.Cell(0, 0, 0.0, False, None)
found = jitd.lookup("from C")
assert type(found) is cells.Cell and (found.value, found.small, found.flag) == (5, -3, True)
found.value += found.add(10, 20)
found.next = cells.Cell(7, 0, 0.0, False, None)
"""
    environment = os.environ | {"JITD_SOCKET": str(socket)}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(socket.parent), os.environ.get("PYTHONPATH")]))
    subprocess.run([sys.executable, "-W", "error", "-c", script], env=environment | {"JITD_WARN": "off"}, check=True, timeout=600)
    assert session.get(cell, "value")[1].i == 40
    assert session.call(cell, "total")[1][0].i == 47  # the process that made the other one is gone
    assert session.do("jitd_publish", b"from C", ctypes.c_uint64(0)) == OK
