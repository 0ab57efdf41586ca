"""A class whose own unit could not be compiled in a process gets a layout, and with it a number, of its own there. Code of other units that
makes its objects knows it by one number only: another process, where the class was compiled, must not use it."""

import pytest
from conftest import Daemon, Program

PROGRAM = """
import sys
import jitd


@jitd.jitclass
class Part:
    value: int

    def doubled(self) -> int:
        return self.value * 2

    def tripled(self) -> int:
        return self.value * 3


@jitd.jitclass
class Whole:
    n: int

    def part(self) -> Part:
        return Part(self.n)


def request(message, body, real=jitd._jitd.request):
    if "unit" in body and {"doubled", "tripled"} <= {entry[1] for entry in jitd._jitd.unpack(body["unit"])["entries"]}:
        raise jitd.RemoteError("worker", "the compiler process did not finish within its deadline of 10 s")
    return real(message, body)


if sys.argv[1] == "fails":
    jitd._jitd.request = request
assert Part(1).doubled() == 2
part = Whole(4).part()
print(type(part) is Part, part.value, part.doubled(), part.tripled())
print(jitd.explain(Whole.part))
"""


@pytest.mark.parametrize("order", ["fails compiles fails", "compiles fails compiles"])
def test_objects_are_of_the_class(order, tmp_path):
    daemon = Daemon()
    try:
        for word in order.split():
            said = Program(tmp_path / "numbers.py", PROGRAM, {"JITD_SOCKET": daemon.socket}).run(word).stdout
            assert said.splitlines()[0] == "True 4 8 12" and "part: compiled" in said, word
    finally:
        daemon.stop()
