for a, *b in c, d:
    break
else: continue
while (x := f()): del a, (b, c)
