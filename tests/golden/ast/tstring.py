t'a{{b}}{c!s:>{d}.{e}}' t'f' rt'{g = }\d{ (h) # why
}'
