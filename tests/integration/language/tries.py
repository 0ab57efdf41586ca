"""Functions with try: what happens with and without an exception, at every place, and what handlers see of locals and of tracebacks."""

import sys
import traceback
from typing import Optional


class Own(Exception):
    pass


@jitclass
class T:
    n: int = 0
    x: float = 0.0
    next: Optional["T"] = None

    def half(self, a: int) -> int:
        if a % 2:
            raise ValueError(f"odd: {a}")
        return a // 2

    def down(self, a: int) -> int:
        return self.half(a) + self.down(a // 2)

    def counted(self, a: int) -> int:
        self.n = (self.n + 1) % 1000
        try:
            return self.half(a)
        finally:
            self.n = (self.n + 10) % 1000

    def kept(self, a: int) -> int:
        try:
            return 7 // a
        except ZeroDivisionError:
            return 0


class Tools:
    @staticmethod
    def fails(v):
        if v == 2:
            raise KeyError(v)
        return v


tools = Tools()


def lines(error):
    found = []
    while error is not None:
        found.append((type(error).__name__, [(f.name, f.line) for f in traceback.extract_tb(error.__traceback__)]))
        error = error.__context__
    return found


def f_except(t: T, a: int, b: int):
    try:
        c = a // b
    except ZeroDivisionError:
        c = -1
    return c


class Less(Own):
    pass


class Made(Exception):
    def __init__(self, a):
        super().__init__(a + 1)
        log.append(a)


log: list = []


@jitclass
class H:
    """Handlers that need nothing of the exception."""

    n: int = 0
    x: float = 0.0

    def raises(self, a: int, d: dict[int, int], found: list[int]) -> int:
        kind = a % 9
        if kind == 0:
            return 7 // (a % 2)
        if kind == 1:
            raise Own
        if kind == 2:
            raise Less(f"less {a}")
        if kind == 3:
            return d[a]
        if kind == 4:
            return found[a]
        if kind == 5:
            raise KeyError(a)
        if kind == 6:
            raise Made(a % 100)
        if kind == 7:
            raise ValueError("seven", a, 0.5)
        return a

    def deep(self, a: int, depth: int, d: dict[int, int], found: list[int]) -> int:
        if depth == 0:
            return self.raises(a, d, found)
        self.n = (self.n + 1) % 1000
        if depth == 3:
            return self.closed(a, d, found)
        return self.deep(a, depth - 1, d, found) % 100

    def closed(self, a: int, d: dict[int, int], found: list[int]) -> int:
        try:
            return self.raises(a, d, found) % 100
        finally:
            self.x += 0.5

    def by_class(self, a: int, b: int) -> int:
        c, again = 0, 0
        try:
            c = 1
            again = self.deep(a, b % 4, {1: 2}, [5, 6])
            c = 2
            again += 10 // b
        except (ZeroDivisionError, Less):
            self.n += 100
            c += 10
        except KeyError:
            return c - again
        except Own:
            c = c * 3 - 1
            if c > 1:
                self.x -= 1.0
            else:
                self.x = -self.x
        except LookupError:
            pass
        return c * 1000 + again % 1000

    def in_loop(self, a: int, b: int) -> int:
        total = 0
        for i in range(8):
            try:
                total += self.raises(a % 100 + i, {3: 4}, [1, 2])
                if i == b % 8:
                    break
            except IndexError:
                continue
            except (ArithmeticError, Own):
                total += 1
                if total > 20 and not self.n == 3:
                    break
            except ValueError:
                return -total
            else:
                total += 100
            finally:
                self.n += 1
            total += 7
        else:
            total += 5
        return total

    def bare(self, a: int, b: int) -> int:
        last = -1
        while last < 5:
            last += 1
            try:
                try:
                    self.n += self.raises(a % 50 + last, {}, []) % 10
                except Own:
                    self.n += 2
            except:
                self.n += 1000
        return last

    def changed(self, a: int, b: int) -> float:
        """Locals that are something else, or nothing, when it comes."""
        v = 0.5
        try:
            if a % 2:
                w = a % 100
            v = self.raises(a, {3: 4}, [1, 2]) % 7 + 0.25
            w = 5
        except Exception:
            v += 1.0
        return v * 2.0

    def overflows(self, a: int, b: int) -> int:
        c = a
        try:
            self.raises(b, {}, [])
        except Exception:
            c = c * 4 + b
        return c

    def in_order(self, a: int, b: int) -> int:
        """The first handler that fits is the interpreter's."""
        try:
            return self.raises(a, {}, [])
        except Own as e:
            log.append(lines(e)[0][0])
            return 1
        except Exception:
            return 2

    def of_names(self, a: int, b: int) -> int:
        try:
            return self.raises(a, {}, [])
        except MANY:
            return 1
        except (Own, WHICH):
            return 2
        except Exception:
            return 3


MANY = (KeyError, ValueError)
WHICH: type = ZeroDivisionError


def handled(name, a, b):
    global WHICH
    h, found = H(3, 1.5), []
    del log[:]
    for which in ZeroDivisionError, IndexError, 5:
        WHICH = which
        for _ in range(2):
            try:
                found.append(getattr(h, name)(a, b))
            except Exception as e:
                found.append((type(e).__name__, str(e), lines(e)))
        if name != "of_names":
            break
    return found, log, h.n, h.x


class Plain:
    pass


class Finalised(Exception):
    def __del__(self):
        log.append("given up")


class Decoding(UnicodeDecodeError):
    pass


@jitclass
class Odd:
    """What is raised is not what it seems to be."""

    n: int = 3
    x: float = 0.5

    def raises(self, a: int) -> int:
        kind = a % 12
        if kind == 0:
            raise OSError(2, "no such file")
        if kind == 1:
            raise IOError(17, "exists", "name")
        if kind == 2:
            raise Decoding("a")
        if kind == 3:
            raise SyntaxError("a", 5)
        if kind == 4:
            raise Own(f"{self.x:d}")
        if kind == 5:
            raise KeyError(f"{a:zz}")
        if kind == 6:
            assert a < -100, f"{self.x:d}"
        if kind == 7:
            raise Finalised
        if kind == 8:
            raise AttributeError("a", "b")
        if kind == 9:
            raise Own(f"{self.x:.2f} {a:>5d} {self.x!r}")
        if kind == 10:
            raise StopIteration(a)
        return 10 // (a % 2)

    def odd(self, a: int, b: int) -> int:
        try:
            return self.raises(a)
        except FileNotFoundError:
            return 10
        except FileExistsError:
            return 20
        except (OSError, Decoding):
            return 30
        except SyntaxError:
            return 40
        except Own:
            return 50
        except (KeyError, AssertionError):
            return 60
        except Finalised:
            self.n += 1
        except (AttributeError, StopIteration):
            return 70
        except (ValueError, TypeError):
            return 80
        return b

    def not_classes(self, a: int, b: int) -> int:
        try:
            return self.raises(a)
        except (Own, Plain):
            return 1
        except (KeyError, int):
            return 2
        except (ZeroDivisionError, 5):
            return 3

    def grows(self, a: int, b: int) -> float:
        i, x = a, 0.5
        try:
            self.raises(b)
        except Exception:
            i = i * i * i * i * i * i * i * i * i * i * i * i * i * i * i * i * i * i
            x = x + i
        return x


def oddly(name, a, b):
    o, found = Odd(3, 0.5), []
    del log[:]
    for _ in range(3):
        try:
            found.append(getattr(o, name)(a, b))
        except Exception as e:
            found.append((type(e).__name__, str(e), lines(e)))
    return found, log, o.n


def f_odd(t: T, a: int, b: int):
    return [oddly("odd", k, b) for k in range(12)]


def f_not_classes(t: T, a: int, b: int):
    return [oddly("not_classes", k, b) for k in range(12)]


def f_grows(t: T, a: int, b: int):
    return oddly("grows", a, b)


def f_by_class(t: T, a: int, b: int):
    return handled("by_class", a, b)


def f_in_loop(t: T, a: int, b: int):
    return handled("in_loop", a, b)


def f_bare(t: T, a: int, b: int):
    return handled("bare", a, b)


def f_changed(t: T, a: int, b: int):
    return handled("changed", a, b)


def f_overflows(t: T, a: int, b: int):
    return handled("overflows", a, b)


def f_in_order(t: T, a: int, b: int):
    return handled("in_order", a, b)


def f_of_names(t: T, a: int, b: int):
    return handled("of_names", a, b)


def f_lines(t: T, a: int, b: int):
    total = 0
    try:
        for i in range(3):
            total += t.half(
                a + i
            )
        total = (total //
                 b)
    except (ValueError, ArithmeticError) as e:
        return lines(e), total
    return total


def f_finally(t: T, a: int, b: int):
    t.n = 5
    try:
        return a // b
    finally:
        t.n += 1


def f_finally_returns(t: T, a: int, b: int):
    for i in range(3):
        try:
            t.half(a)
        finally:
            t.x += 0.5
            if i == 1:
                return i + b % 10


def f_break_in_finally(t: T, a: int, b: int):
    found = []
    for i in range(4):
        try:
            found.append(t.half(a + i))
            if i == 2:
                break
            if b > 0:
                continue
            found.append("behind")
        except ValueError:
            found.append("odd")
        finally:
            found.append(i)
            t.n = i
    else:
        found.append("else")
    return found


def f_else(t: T, a: int, b: int):
    found = []
    try:
        c = t.half(a)
    except ValueError as e:
        found.append(str(e))
    else:
        found.append(c)
        found.append(10 // b)
    finally:
        found.append("end")
        t.x += 1.0
    return found


def f_nested(t: T, a: int, b: int):
    found = []
    try:
        try:
            try:
                found.append(t.half(a) // b)
            finally:
                found.append("inner")
                t.n = 1
        except ValueError:
            found.append("value")
            raise
        finally:
            found.append("middle")
    except (ValueError, ZeroDivisionError) as e:
        found.append(lines(e))
    return found


def f_overflow(t: T, a: int, b: int):
    t.x = 2.5
    try:
        c = a * b
        c = c * 2 + 1
        return c, 100 // b
    except ZeroDivisionError:
        return "zero"
    finally:
        t.x += 1.0


def f_overflow_in_finally(t: T, a: int, b: int):
    c = a
    for i in range(3):
        try:
            if i == 1:
                continue
            if i == 2:
                return c, i
        finally:
            c = c * 3 + b
    return c


def f_overflow_is_no_exception(t: T, a: int, b: int):
    t.x = 1.0
    try:
        c = a * b * 4
    except OverflowError:
        c = "caught"
    except Exception as e:
        c = repr(e)
    return c


def f_own(t: T, a: int, b: int):
    try:
        if a > b:
            raise Own(a - b)
        if a == b:
            raise Own
        raise KeyError(b) from None
    except Own as e:
        return e.args
    except KeyError as e:
        return e.__suppress_context__, lines(e)


def f_context(t: T, a: int, b: int):
    try:
        try:
            t.half(a)
            return b // a
        except ValueError:
            return t.half(b)
        except ZeroDivisionError as e:
            raise Own("zero") from e
    except Exception as e:
        return lines(e), repr(e.__cause__)


def f_handled(t: T, a: int, b: int):
    found = [sys.exc_info()[0]]
    try:
        found.append(t.half(a))
        found.append(sys.exc_info()[0])
    except ValueError:
        found.append(sys.exc_info()[0].__name__)
    finally:
        found.append(sys.exc_info()[0])
    return found


def f_name_is_gone(t: T, a: int, b: int):
    e = 5
    try:
        t.half(a)
    except ValueError as e:
        t.n = len(str(e))
    return e + b


def f_locals(t: T, a: int, b: int):
    c, d, e, f, g = a, 0.5, t.next, (a, 1.5), None
    for i in range(3):
        try:
            d += 1.0
            if i:
                g = i
            f = i, d
            e = t
            c += t.half(a + 2 * i) // (b - i)
            h = c
        except (ValueError, ZeroDivisionError) as error:
            return c, d, e.n, f, g, str(error)
    return c, d, f, g, h


def f_unbound(t: T, a: int, b: int):
    try:
        c = t.half(a)
        d = c // b
    except ValueError:
        return c
    except ZeroDivisionError:
        return d
    return c + d


def f_walrus(t: T, a: int, b: int):
    c = 0
    try:
        d = (c := a % 1000) // b
        assert (c := c + 1) % 2, "even"
        return d
    except (ZeroDivisionError, AssertionError):
        return c


def f_several_targets(t: T, a: int, b: int):
    c = d = 0
    try:
        c, t.n, d = a, b, a // b
        c = t.n = d = t.half(a)
    except Exception as e:
        return c, d, type(e).__name__
    return c, d


def f_parts(t: T, a: int, b: int):
    """What the interpreter does in the middle, over several lines."""
    found = {}
    try:
        for i in range(3):
            found[i] = f"{i}:{t.half(a)}"
            found.update(
                x=10 // b,
                y={k: 8 // (b - 2) for k in range(2)},
            )
            found["z"] = [t.half(k) for k in (a, b)]
    except Exception as e:
        found["e"] = lines(e)
    return found


def f_part_that_changes_locals(t: T, a: int, b: int):
    c = d = 0
    try:
        t.n = 1
        for c, d in {1: a, 2: b}.items():
            t.half(d)
        with open("/dev/null") as f:
            d = 5
            t.half(b)
    except ValueError:
        return c, d
    return c + d


def f_comprehension(t: T, a: int, b: int):
    c = 1
    try:
        xs = [t.half(k) // (b - 1) for k in range(a % 10, a % 10 + 4, 2)]
    except Exception as e:
        return c, lines(e)
    return xs


def f_while(t: T, a: int, b: int):
    c = tries = 0
    while True:
        tries += 1
        try:
            c += t.half(a % 100 + tries)
            if c > 50 or tries > 5:
                break
        except ValueError:
            if tries > 3:
                return "enough", c
            continue
        finally:
            t.x += 1.0
    return c, tries


def f_returns_other(t: T, a: int, b: int):
    t.n = 1
    for i in range(2):
        if a > 100:
            return t.x
    try:
        return b
    finally:
        t.x += 0.5


def f_returns_none(t: T, a: int, b: int):
    t.n = 1
    try:
        if a > 2:
            return None
        return b // a
    except ZeroDivisionError:
        pass
    finally:
        t.x += 0.5


def f_callers(t: T, a: int, b: int):
    t.n = 0
    total = 0
    for i in range(4):
        total += t.counted(2 * (a % 1000))
        total += t.kept(b)
    total += t.counted(a)
    return total


def f_deep(t: T, a: int, b: int):
    try:
        return t.down(a)
    except (ValueError, RecursionError) as e:
        return type(e).__name__
    finally:
        t.n = 9


def f_none(t: T, a: int, b: int):
    try:
        t.n = 3
        return t.next.next.n
    except AttributeError as e:
        return str(e)


def f_stores(t: T, a: int, b: int):
    xs = [1, 2]
    try:
        xs[a] = b
        xs.pop(b)
        return xs
    except IndexError as e:
        return lines(e), xs


def f_finally_raises(t: T, a: int, b: int):
    try:
        try:
            return t.half(a)
        finally:
            t.n = 4
            t.half(b)
    except ValueError as e:
        return lines(e)


def f_raise_in_else(t: T, a: int, b: int):
    try:
        try:
            t.n = 2
        except ValueError:
            return "no"
        else:
            t.half(a)
    except ValueError:
        return "outer"
    return "none"


def f_iterator_kept(t: T, a: int, b: int):
    found = []
    for i, k in enumerate([a, b, 4, 6]):
        for j in range(2):
            try:
                found.append((i, j, t.half(k + j)))
            except ValueError:
                found.append("odd")
    return found


def f_with_inside(t: T, a: int, b: int):
    try:
        t.n = 6
        with open("/dev/null"):
            t.half(a)
        return "fine"
    except ValueError as e:
        return lines(e)


def f_dead_code(t: T, a: int, b: int):
    try:
        return t.half(a)
        c = [k for k in range(b)]
        return c
    except ValueError:
        return -1
    else:
        return {k for k in range(3)}


def f_star(t: T, a: int, b: int):
    first = 0
    try:
        first, *rest = [t.half(a), b, b]
        return first, rest
    except ValueError:
        return first


def f_bare_return(t: T, a: int, b: int):
    if a == 1:
        return a
    for i in range(3):
        try:
            if b > 3:
                return t.x
            if i == a:
                return
        finally:
            t.n += 7
    return t.n


def f_in_generator(t: T, a: int, b: int):
    """Python code raises in the middle of a loop that is compiled."""
    t.n = 2
    try:
        return any(tools.fails(i) > 5 and all(z * 3 + i < 999 for z in range(50)) for i in range(a & 7)), sum(
            (tools.fails(i + b % 3) > 5) + sum(z * 3 + i for z in range(50)) for i in range(2)
        )
    except KeyError as e:
        return lines(e)
