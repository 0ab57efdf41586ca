"""Functions and classes that are too long for all of the optimiser: made quickly, and the same results."""

import pytest

def program_of(body, use):
    """The class as a file of its own, imported twice: with and without jitd."""
    return f'''
import sys, tempfile, jitd
place = tempfile.mkdtemp()
sys.path.insert(0, place)
body = """{body}"""
open(place + "/compiled.py", "w").write("import jitd\\n@jitd.jitclass\\n" + body)
open(place + "/plain.py", "w").write("\\n\\n" + body)
import compiled, plain
def use(B):
{use}
wanted = use(plain.B)
assert use(compiled.B) == wanted, (use(compiled.B), wanted)
'''


HEAD = "class B:\n    x: int\n    def __init__(self, x: int):\n        self.x = x\n"
STATEMENTS = "".join(f"        a = (a // (b + {i})) * 3 + a % {i + 2} - self.x\n        self.x = self.x + (a & 7)\n" for i in range(400))
FUNCTION = HEAD + "    def f(self, a: int, b: int) -> int:\n" + STATEMENTS + "        return a\n"
LOOPS = HEAD + "    def f(self, a: int, b: int) -> int:\n" + "".join(
    f"        for i in range(b): a = a + i * {i} - self.x\n" for i in range(120)) + "        return a\n"
METHODS = HEAD + "".join(f"    def f{i}(self, a: int) -> int:\n        return self.x * a + a // {i + 1}\n" for i in range(2500))


@pytest.mark.parametrize("body", [FUNCTION, LOOPS], ids=["statements", "loops"])
def test_a_long_function(program, body):
    use = """
    seen = []
    for a, b in ((1, 5), (-7, 3), (2**40, 9), (2**62, 2), (3, 0), (5, -3)):
        o = B(3)
        try:
            seen.append(o.f(a, b))
        except ZeroDivisionError as e:
            seen.append((str(e), e.__traceback__.tb_next.tb_lineno))
        seen.append(o.x)
    return seen
"""
    program(program_of(body, use) + """
figures = jitd.stats()["objects"]["B.f"]
assert figures["native_calls"], figures
""").run()


def test_very_many_methods(program):
    use = """
    o = B(3)
    return [getattr(o, f"f{i}")(i - 1000) for i in range(2500)]
"""
    program(program_of(METHODS, use) + """
assert jitd.stats()["objects"]["B.f2499"]["native_calls"]
""").run()
