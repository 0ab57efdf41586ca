0 1_000 0xFF 0o17 0b1 1. .5 1e-3 2j 1if x else 2
