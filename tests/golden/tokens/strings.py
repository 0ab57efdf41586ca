'a' "b" r'\n' Rb'''two
lines''' u'x'
f'a{b!r:>{w}}{{c}}' f"{d['e']:%H:%M}"
