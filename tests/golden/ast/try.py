try: a
except B: c
except (D, E) as f: raise
else: g
finally: h
try: a
except* B as b: raise c from None
