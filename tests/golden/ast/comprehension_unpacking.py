[*a for a in b], {*a for a in b}, {**a for a in b}
c(*a for a in b)
(*a async for a in b)
