[a for b, c in d if e if f for g in h]
{a: b async for a in b}
{a for a in b}
(a for a in b)
