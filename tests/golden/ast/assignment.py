a = b, *c = d
a.b[0] += 1
x: int
(y): int = 2
[p, (q, *r)] = s
