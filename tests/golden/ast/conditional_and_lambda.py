a if b else lambda x, *y, z=1, **k: c if d else e
