"""Who may link and compile now: one lock, one thread for each thing that is compiled, and what fork() needs of both.

One lock covers all of it, but is given up during every request (ask), so that others go on: what was looked at before a request is
looked at again after it. Of several threads that want the same thing compiled one does it (_Flight). A signal handler may come in
between at any place and use the very class that is being linked, or raise: so everything can be done twice, and what says that it is
done comes last. fork() waits for the lock, and for modules of jitd that another thread is importing: the child finds nothing half done,
and imports nothing whose import a thread that it lacks had begun. What runs code of others, warnings and log lines, waits until the lock
is free.
"""

import os
from _thread import RLock, _count, get_ident

from jitd import _jitd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import Any

_LAZY = "again changed check compile errors heirs hints inferred insight later members objects pickled source trap types unit warn".split()  # modules that are imported when they are needed
_PATIENCE = 60  # seconds: twice what a request may take
lock = RLock()  # type: Any
_flights: "dict[Hashable, _Flight]" = {}  # what is being compiled, and who does it
_untold: "list[tuple[Any, ...]]" = []  # (function, arguments) of what is said when the lock is free


def later(function: "Callable[..., object]", *arguments: object) -> None:
    """Calls it when the lock is free."""
    _untold.append((function, arguments))


def tell() -> None:
    """Says what there is to be said, if the lock is free."""
    while _untold and not lock._is_owned():
        try:
            function, arguments = _untold.pop(0)
        except IndexError:  # another thread has it
            return
        function(*arguments)


def locked(function: "Callable[..., Any]") -> "Callable[..., Any]":
    """It has the lock whenever it runs; what it leaves to be said is said after it."""

    def holder(*arguments: object) -> "Any":
        result = _jitd.locked(lock, function, *arguments)
        tell()
        return result

    return holder


def log(text: str) -> None:
    from logging import getLogger

    later(getLogger("jitd").warning, text)


def ask(message: int, body: "dict[str, Any]", *within_ms: int) -> "dict[str, Any]":
    """The daemon's answer. The lock is given up meanwhile."""
    return _jitd.unlocked(lock, _jitd.request, message, body, *within_ms)


class _Flight:
    """Something that one thread does and others wait for."""

    __slots__ = "owner", "lock"

    def __init__(self) -> None:
        self.owner, self.lock = get_ident(), RLock()


def alone(key: "Hashable", work: "Callable[..., object]", *arguments: object) -> bool:
    """True: the work is done. False: another thread was at it, and is not any more. Who is at something waits for nobody, not even for
    itself, which can only be in a signal handler.

    Signal handlers run, and raise, behind a call and where a function begins: so what takes a lock does it inside the try, and giving it
    back is the first call of the finally. A flight whose lock nobody has is none."""
    other = _flights.get(key)
    if other is not None and get_ident() not in [f.owner for f in list(_flights.values())] and _jitd.unlocked(lock, _wait, other.lock):
        if _flights.get(key) is other:  # its end was interrupted
            del _flights[key]
        return False
    flight = _Flight()
    try:
        flight.lock.acquire()
        _flights[key] = flight
        work(*arguments)
    finally:
        flight.lock.release()
        if _flights.get(key) is flight:
            del _flights[key]
    return True


def _wait(held: "Any") -> bool:
    """Whether the flight came to its end in time."""
    try:
        return held.acquire(True, _PATIENCE)
    finally:
        try:
            held.release()
        except RuntimeError:  # it was not acquired
            pass


def _prepare(unit: "Any", site: int, line: int) -> "Any":
    from jitd import resume

    return resume.prepare(unit, site, line)


def give_up(method: "Any", region: "Any" = None, is_tried: bool = False) -> None:
    """A method of which the interpreter does most anyway, in a region or because its calls do not stay in compiled code, is the plain
    function for callers in Python from now on."""
    later(_give_up, method, region, is_tried)
    tell()


@locked
def _give_up(method: "Any", region: "Any", is_tried: bool) -> None:
    from jitd.compile import give_back
    from jitd.insight import why_given_up, why_in_the_middle

    record, f = method.__dict__["_jitd_record"], method.__dict__["_jitd_func"]
    if f.reason or f.given_up or f.hint is not None:
        return
    f.given_up = why_in_the_middle(region, is_tried) if region else why_given_up(method, f)
    method._set_python()
    give_back(record, f)


def _prepare_operation(unit: "Any", site: int) -> "Any":
    from jitd import resume

    return resume.prepare_operation(unit, site)


prepare_operation = locked(_prepare_operation)
prepare_resume = locked(_prepare)  # it imports ast, which no fork is to interrupt, and none needs: so it is not among _LAZY


def _load_before_fork() -> None:
    if _count():
        for name in _LAZY:
            __import__(f"jitd.{name}")


def _after_fork_in_child() -> None:
    me = get_ident()
    for key, flight in list(_flights.items()):
        if flight.owner != me:
            del _flights[key]
    _untold.clear()
    if _jitd.fork_child() < 0:
        log("jitd: the forked process could not attach to the daemon; it goes on with a copy of its parent's instances")


# Before fork() the last of these comes first. The lock's own methods, so that no exception of a signal handler comes in between.
os.register_at_fork(before=_jitd.fork_prepare, after_in_parent=_jitd.fork_parent, after_in_child=_after_fork_in_child)
os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
os.register_at_fork(before=_load_before_fork, after_in_child=tell)
