a < b <= c is not d not in e
not a == b
