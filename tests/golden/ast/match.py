match a, b:
    case [1, -2.5 + 3j, *_] | {'k': x, **rest} if x: pass
    case P(None, y=(q | r.s) as t): pass
    case _: pass
