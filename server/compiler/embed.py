"""Writes a file's bytes as a C array: embed.py INPUT OUTPUT NAME."""

import sys

source, target, name = sys.argv[1:]
with open(source, "rb") as f:
    data = f.read()
lines = [",".join(map(str, data[i : i + 32])) for i in range(0, len(data), 32)]
with open(target, "w", encoding="ascii") as f:
    f.write(f"const unsigned char {name}[] = {{\n" + ",\n".join(lines) + f"}};\nconst unsigned long {name}_size = {len(data)};\n")
