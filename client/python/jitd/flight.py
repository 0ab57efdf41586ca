"""Who may link and compile now: one lock, one thread for each thing that is compiled, and what fork() needs of both.

One lock covers all of it, but is given up during every request (ask), so that others go on: what was looked at before a request is
looked at again after it. Of several threads that want the same thing compiled one does it (_Flight). A signal handler may come in
between at any place and use the very class that is being linked, or raise: so everything can be done twice, and what says that it is
done comes last. fork() waits for the lock, and for modules of jitd that another thread is importing: the child finds nothing half done,
and imports nothing whose import a thread that it lacks had begun. What runs code of others, warnings and log lines, waits until the lock
is free.
"""

import os
from _thread import RLock, _count, allocate_lock, get_ident

from jitd import _jitd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import Any

_LAZY = "check compile errors hints inferred insight later members objects pickled source trap types unit warn".split()  # modules that are imported when they are needed
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


def log(text: str) -> None:
    from logging import getLogger

    later(getLogger("jitd").warning, text)


def ask(message: int, body: "dict[str, Any]") -> "dict[str, Any]":
    """The daemon's answer. The lock is given up meanwhile."""
    return _jitd.unlocked(lock, _jitd.request, message, body)


class _Flight:
    """Something that one thread does and others wait for."""

    __slots__ = "owner", "lock"

    def __init__(self) -> None:
        self.owner, self.lock = get_ident(), allocate_lock()
        self.lock.acquire()


def begin(key: "Hashable") -> bool:
    """True: it is the caller's, until end(key). False: another thread was at it, and is not any more. Who has begun something waits for
    nobody, not even for itself, which can only be in a signal handler. One that an exception kept from ending it is given up for lost."""
    flight = _flights.get(key)
    if flight is not None and flight.lock.locked() and get_ident() not in [f.owner for f in list(_flights.values())]:
        if _jitd.unlocked(lock, flight.lock.acquire, True, _PATIENCE):
            flight.lock.release()
            return False
    _flights[key] = _Flight()
    return True


def end(key: "Hashable") -> None:
    flight = _flights.get(key)
    if flight is not None and flight.owner == get_ident():
        flight.lock.release()
        del _flights[key]


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
