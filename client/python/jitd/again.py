"""Classes and functions that waited in vain: the daemon, or its compiler, was not there in time, or had no room. They run in Python, and a call
tries again: after a second, then ever more seldom. Such a call waits only shortly, if nobody answers; what the daemon goes on compiling, a later
try finds."""

from __future__ import annotations

from jitd import _jitd, compile, flight, link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from jitd.declare import Record

_LOOK_MS, _COMPILE_MS = 250, 2000  # that the call waits


def compile_again(record: Record) -> None:
    """Links it to compiled code, if there is some by now."""
    compile.pause(record, True)  # others go on in Python meanwhile
    try:
        answer = _answer(record)
    except (_jitd.RemoteError, ConnectionError) as error:
        if record.pause and not compile.may_be_compiled_later(error):
            _refused(record, error)
        return
    if record.pause:
        record.pause, record.failed = 0.0, None
        link.install(record, answer)


def _answer(record: Record) -> dict[str, Any]:
    found = link.ask(link.LOOKUP, {"keys": [record.key]}, _LOOK_MS)["units"][0]
    return found or compile.request(compile.described(record), _COMPILE_MS)


def _refused(record: Record, error: Exception) -> None:
    """The compiler was there, and has said no: to all of its methods together."""
    record.pause, record.failed = 0.0, None
    if record.kind == "function" or len([f for f in record.funcs if f.method is not None and not f.reason]) < 2:
        compile.give_up(record, error.args[-1])
    link.set_modes(record, {})


@flight.locked
def number_all() -> None:
    """The daemon gives numbers to the classes that have none but this process's own: those of instances that others are to see. Raises
    what it says if it does not."""
    for record in link.alive(link.own_ids):
        bare = [r for r in link.closure([record]) if r.kind == "class"]
        answer, error = compile.ask_for_layout(record, bare)
        if answer is None:
            raise error
        link.number(bare, answer["classes"])
