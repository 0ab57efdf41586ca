"""What NumPy and ctypes make of a jitclass: C.dtype, jitd.ctype(C) and the bytes of an instance that they describe."""

from __future__ import annotations

import ctypes
import inspect
import math
import subprocess
import sys
from typing import Any, Optional
from unittest import mock

import numpy
import pytest

import jitd

SCALARS: dict[str, tuple[Any, Any, Any, tuple[Any, ...]]] = {
    "int": (int, "i8", ctypes.c_int64, (0, -1, 2**63 - 1, -(2**63))),
    "float": (float, "f8", ctypes.c_double, (0.0, -1.5, math.inf, 5e-324)),
    "bool": (bool, "?", ctypes.c_bool, (False, True)),
    "float32": (jitd.float32, "f4", ctypes.c_float, (0.0, -1.5, math.inf)),
}
for bits in (8, 16, 32, 64):
    SCALARS[f"int{bits}"] = (getattr(jitd, f"int{bits}"), f"i{bits // 8}", getattr(ctypes, f"c_int{bits}"), (0, -1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1))))
    SCALARS[f"uint{bits}"] = (getattr(jitd, f"uint{bits}"), f"u{bits // 8}", getattr(ctypes, f"c_uint{bits}"), (0, 1, 2**bits - 1))


def class_of(*types: str) -> Any:
    """With a field of each type."""
    return jitd.jitclass(type("C", (), {"__annotations__": {f"f{i}": SCALARS[t][0] for i, t in enumerate(types)}}))


def read(obj: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """All fields by way of NumPy, and by way of ctypes."""
    data, C = jitd.tobytes(obj), type(obj)
    row = numpy.frombuffer(data, C.dtype)[0]
    struct = jitd.ctype(C).from_buffer_copy(data)
    return tuple(row[name].item() for name in C.dtype.names), tuple(getattr(struct, name) for name, *_ in struct._fields_)


@pytest.mark.parametrize("name", SCALARS)
def test_each_type(name):
    _, code, ctype, values = SCALARS[name]
    C, D = class_of(name), class_of("int8", name, "int8")
    assert C.dtype == numpy.dtype([("f0", code)], align=True) and D.dtype == numpy.dtype([("f0", "i1"), ("f1", code), ("f2", "i1")], align=True)
    assert jitd.ctype(C)._fields_ == [("f0", ctype)] and ctypes.sizeof(jitd.ctype(D)) == D.dtype.itemsize
    for value in values:
        assert read(C(value)) == ((value,), (value,))
        assert read(D(-3, value, 7)) == ((-3, value, 7), (-3, value, 7))


def test_every_type_in_one():
    names = [*SCALARS, *reversed(SCALARS)]
    C, D = class_of(*names), class_of(*names[5:], *names[:5])
    assert C.dtype == numpy.dtype([(f"f{i}", SCALARS[name][1]) for i, name in enumerate(names)], align=True) and C.dtype.isalignedstruct
    for i in range(4):
        values = tuple(SCALARS[name][3][i % len(SCALARS[name][3])] for name in names)
        assert read(C(*values)) == (values, values)
    assert D.dtype != C.dtype


def test_the_places_are_those_of_the_layout():
    C = class_of("bool", "float", "int16", "uint8", "float32", "int8", "int")
    places = jitd.layout(C)["fields"]
    assert [(n, o) for n, _, o in places] == [(n, C.dtype.fields[n][1]) for n in C.dtype.names] == [(n, getattr(jitd.ctype(C), n).offset) for n, *_ in places]
    assert len(jitd.tobytes(C(False, *[0] * 6))) == C.dtype.itemsize == ctypes.sizeof(jitd.ctype(C)) == jitd.layout(C)["size"]


def test_what_was_set_in_compiled_code_is_there():
    @jitd.jitclass
    class P:
        x: float
        n: jitd.int16 = 0

        def step(self) -> None:
            self.x += 0.5
            self.n += 1

    p = P(1.0)
    p.step()
    assert read(p) == ((1.5, 1), (1.5, 1))
    assert P.dtype is P.dtype and jitd.ctype(P) is jitd.ctype(P) and numpy.dtype(P) is P.dtype
    many = numpy.frombuffer(b"".join(jitd.tobytes(P(float(i), i)) for i in range(10)), P.dtype)
    assert many["x"].tolist() == [float(i) for i in range(10)] and many["n"].sum() == 45


def test_classes_that_extend_it():
    @jitd.jitclass
    class Base:
        a: jitd.int8
        b: float

    @jitd.jitclass
    class Below(Base):
        c: jitd.int8

    class Plain(Below):
        pass

    assert Base.dtype == numpy.dtype([("a", "i1"), ("b", "f8")], align=True)
    assert Below.dtype is Plain.dtype and Below.dtype == numpy.dtype([("a", "i1"), ("b", "f8"), ("c", "i1")], align=True)
    assert read(Below(1, 2.5, 3)) == ((1, 2.5, 3), (1, 2.5, 3)) and read(Base(1, 2.5)) == ((1, 2.5), (1, 2.5))
    assert numpy.frombuffer(jitd.tobytes(Plain(1, 2.5, 3)), Plain.dtype)["c"] == 3


def test_references_and_python_fields():
    @jitd.jitclass
    class Node:
        value: int
        next: Optional[Node] = None
        name: Any = ""

    with pytest.raises(TypeError, match=r"Node\.dtype: NumPy has no type for the field next, which is a reference"):
        Node.dtype
    assert [name for name, *_ in jitd.ctype(Node)._fields_] == ["value", "next"]
    last = Node(3)
    struct = jitd.ctype(Node).from_buffer_copy(jitd.tobytes(last))
    assert (struct.value, struct.next) == (3, 1)
    assert jitd.ctype(Node).from_buffer_copy(jitd.tobytes(Node(4, last))).next > 1


def test_a_class_without_fields():
    @jitd.jitclass
    class Empty:
        pass

    assert Empty.dtype == numpy.dtype([]) and jitd.tobytes(Empty()) == b"" and ctypes.sizeof(jitd.ctype(Empty)) == 0


def test_a_field_that_is_not_in_the_bytes():
    C = class_of("float", "float")
    c = C(1.0, 2.0)
    del c.f1
    with pytest.raises(TypeError, match="the field f1 of this C was deleted, or holds what its type does not"):
        jitd.tobytes(c)
    c.f1 = 3.0
    assert read(c) == ((1.0, 3.0), (1.0, 3.0))
    c.close()
    with pytest.raises(jitd.ReleasedError):
        jitd.tobytes(c)


@pytest.mark.parametrize("what", [int, 3, object])
def test_what_is_no_jitclass(what):
    for function in (jitd.ctype, jitd.tobytes):
        with pytest.raises(TypeError, match="is no jitclass"):
            function(what)


def test_instances_have_no_dtype():
    C = class_of("float")
    c = C(1.0)
    with pytest.raises(AttributeError, match="'C' object has no attribute 'dtype'"):
        c.dtype
    with pytest.raises(AttributeError):
        jitd.Instance.dtype
    assert "dtype" not in dir(C) and "dtype" not in dir(c) and "dtype" not in vars(jitd.Instance)
    assert inspect.getattr_static(c, "dtype", None) is None
    c.dtype = "mine"
    assert c.dtype == "mine" and c.__dict__ == {"f0": 1.0, "dtype": "mine"}
    assert C.dtype == numpy.dtype([("f0", "f8")])
    C.dtype = 7
    assert C.dtype == 7 and C(2.0).dtype == 7
    del C.dtype
    assert C.dtype == numpy.dtype([("f0", "f8")]) and not hasattr(C(2.0), "dtype")


def test_a_dtype_of_the_users_own():
    @jitd.jitclass
    class Column:
        dtype: int

        def twice(self) -> int:
            return 2 * self.dtype

    @jitd.jitclass
    class Constant:
        dtype = "f8"
        x: float

    @jitd.jitclass
    class Asked:
        x: float

        def __getattr__(self, name: str) -> str:
            return f"no {name}"

    assert Column(4).twice() == 8 and not hasattr(Column, "dtype")
    assert Constant.dtype == Constant(1.0).dtype == "f8"
    assert Asked(1.0).dtype == "no dtype" and Asked.dtype.names == ("x",)


def test_in_compiled_code():
    @jitd.jitclass
    class P:
        x: float

        def names(self) -> Any:
            return P.dtype.names

        def own(self) -> Any:
            return self.dtype

    assert P(1.0).names() == ("x",)
    with pytest.raises(AttributeError, match="'P' object has no attribute 'dtype'"):
        P(1.0).own()


def test_a_mock_of_a_class():
    C = class_of("float")
    assert not hasattr(mock.create_autospec(C), "dtype")


def test_numpy_is_not_needed_before():
    code = """
import sys, jitd
@jitd.jitclass
class P:
    x: float
    def twice(self) -> float:
        return 2 * self.x
assert P(1.0).twice() == 2.0 and not {"numpy", "ctypes"} & set(sys.modules)
jitd.tobytes(P(1.0))
assert "numpy" not in sys.modules
assert P.dtype.names == ("x",) and "numpy" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
