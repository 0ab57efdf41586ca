"""lookup() in processes that start together, with a class that one of them is compiling."""

import pytest

CODE = """
import faulthandler, sys
faulthandler.dump_traceback_later(300, exit=True)
import jitd
@jitd.jitclass
class Shared{n}:
    n: int
    def get(self) -> int:
        return self.n
    def long(self, k: int) -> int:
        {long}
        return k
sys.stdin.readline()
try:
    found = jitd.lookup("{name}")
except KeyError:
    mine = Shared{n}({n})
    mine.get()
    jitd.publish("{name}", mine)
    found = jitd.lookup("{name}")
print(type(found).__name__, found.get(), flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("refused", [False, True])
def test_six_at_once(program, refused):
    """Who finds the name knows the class, however long another one takes to compile it."""
    for n in range(6):
        long = "\n        ".join(f"k += {i} * self.n" for i in range(40))
        text = CODE.format(n=f"{n + 1}{int(refused)}", name=f"cold {n} {refused}", long=long)
        if refused:  # a method that stays Python; the class is compiled all the same
            text = text.replace("        return k\n", "        return len({k: 1})\n")
        run = program(text)
        all = [run.start(stdin=-1) for _ in range(6)]
        for p in all:
            p.stdin.write("\n")
            p.stdin.flush()
        said = [p.stdout.readline() for p in all]
        errors = [p.communicate("\n")[1] for p in all]
        assert said == [f"Shared{n + 1}{int(refused)} {n + 1}{int(refused)}\n"] * 6, errors


def test_the_class_is_being_compiled(program, own_daemon):
    """For certain: between the look at what is known and the name another process compiles the class."""
    text = """
    import sys
    import jitd
    from jitd import link
    @jitd.jitclass
    class Late:
        n: int
        def get(self) -> int:
            return self.n
    if sys.argv[1] == "publish":
        jitd.publish("late", Late(5))
        print("done", flush=True)
        sys.stdin.readline()
    else:
        finish_pending = link.finish_pending
        def then_others():
            link.finish_pending = finish_pending
            finish_pending()
            print("looked", flush=True)
            sys.stdin.readline()
        link.finish_pending = then_others
        print(jitd.lookup("late").get(), flush=True)
    """
    run = program(text, JITD_SOCKET=own_daemon.socket)
    looks = run.start("look", stdin=-1)
    assert looks.stdout.readline() == "looked\n"
    publishes = run.start("publish", stdin=-1)
    assert publishes.stdout.readline() == "done\n"
    out, err = looks.communicate("\n", timeout=600)
    publishes.communicate("\n")
    assert out == "5\n", err


def test_another_class_is_told(program, own_daemon):
    text = """
    import sys
    import jitd
    @jitd.jitclass
    class Late:
        n: int
        def get(self) -> int:
            return self.n + NUMBER
    if sys.argv[1] == "publish":
        jitd.publish("late", Late(5))
        print("done", flush=True)
        sys.stdin.readline()
    else:
        try:
            jitd.lookup("late")
        except TypeError as error:
            print(error)
    """
    publishes = program(text.replace("NUMBER", "1"), JITD_SOCKET=own_daemon.socket).start("publish", stdin=-1)
    assert publishes.stdout.readline() == "done\n"
    out = program(text.replace("NUMBER", "2"), JITD_SOCKET=own_daemon.socket).run("look").stdout
    publishes.communicate("\n")
    assert "is not one that this process has imported" in out
