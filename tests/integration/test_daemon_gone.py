"""The daemon is killed: what runs goes on, instances stay, what comes new is Python, and that is said."""

CODE = """
import jitd, sys, warnings

@jitd.jitclass
class Used:
    x: int
    next: "Used | None" = None
    def inc(self) -> int:
        self.x += 1
        return self.x

@jitd.jitclass
class New:
    y: float
    first: Used
    def twice(self) -> float:
        return self.y * 2
    @staticmethod
    def one():
        return 1

@jitd.jit
def late(a, b):
    return a * b

used = Used(1, Used(5))
used.inc()
print("ready", flush=True)
sys.stdin.readline()
assert used.inc() == 3 and used.next.inc() == 6 and Used(7).inc() == 8
assert not jitd.stats()["process"]["connected"]
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    new = New(1.5, used)
    assert new.twice() == 3.0 and new.first is used and New.one() == 1
    assert late(2, 3) == 6 and late(3, 3) == 9 and late(2**40, 2**40) == 2**80
said = [str(w.message) for w in said]
assert [s.partition(": ")[0] for s in said] == ["__main__.New stays Python", "__main__.late.late(int, int) stays Python"], said
assert all("daemon" in s for s in said)
many = [New(float(i), used) for i in range(100)]
assert sum(n.y for n in many) == 4950.0
assert "daemon" in jitd.explain(New), jitd.explain(New)
try:
    jitd.publish("gone", new)
except ConnectionError:
    pass
else:
    raise AssertionError
keep = []
try:
    while True:
        keep.append(Used(len(keep)))
except MemoryError as error:
    assert "daemon is gone" in str(error), error
assert [k.inc() for k in keep[:10]] == list(range(1, 11))
keep.clear()
assert Used(7).inc() == 8
del many, new, used
assert jitd._jitd.check()[0] == 0
print("done")
"""


def test_a_program_survives_its_daemon(program, own_daemon):
    workers = [program(CODE, JITD_SOCKET=own_daemon.socket).start(stdin=-1) for _ in range(2)]
    for w in workers:
        assert w.stdout.readline() == "ready\n"
    own_daemon.process.kill()
    own_daemon.process.wait()
    for w in workers:
        out, err = w.communicate("\n", timeout=60)
        assert (out, w.returncode) == ("done\n", 0), err
    own_daemon.start()
