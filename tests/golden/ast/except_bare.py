try: a
except B, C: d
except E,: f
