f'a{{b}}{c!s:>{d}.{e}}' 'f' rf'{g = }\d'
