#!/usr/bin/env python3
"""Puts links to the package's files and the extension into build/client/python/X.Y/jitd: link_package.py X.Y STAMP FILE..."""

import os
import sys

version, stamp, *files = sys.argv[1:]
package = os.path.join(os.path.dirname(stamp), version, "jitd")
os.makedirs(package, exist_ok=True)
wanted = {os.path.basename(f): os.path.abspath(f) for f in files}
for name in os.listdir(package):
    path = os.path.join(package, name)
    if os.path.islink(path) and name not in wanted:
        os.unlink(path)
for name, target in wanted.items():
    path = os.path.join(package, name)
    if not os.path.islink(path) or os.readlink(path) != target:
        if os.path.lexists(path):
            os.unlink(path)
        os.symlink(target, path)
with open(stamp, "w") as f:
    f.write("\n".join(sorted(wanted)) + "\n")
