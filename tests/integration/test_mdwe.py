"""Under PR_SET_MDWE (systemd's MemoryDenyWriteExecute) no page can be made executable: jitd works all the same."""

CODE = """
import ctypes, mmap, sys
libc = ctypes.CDLL(None, use_errno=True)
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1
if libc.prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0):
    sys.exit(f"prctl: errno {ctypes.get_errno()}")
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)
except PermissionError:
    pass
else:
    sys.exit("the kernel does not enforce it")

import jitd

@jitd.jitclass
class P:
    x: float
    def double(self) -> float:
        return self.x + self.x

assert P(1.25).double() == 2.5
print(jitd.stats()["objects"]["P.double"]["native_calls"])
"""


def test_works_under_mdwe(program):
    assert program(CODE).run().stdout == "1\n"


def test_works_under_mdwe_through_libffi(program):
    assert program(CODE, JITD_CALL="ffi").run().stdout == "1\n"
