"""Placeholder decorator of the sources that bench/variants.py turns into each variant: here it does nothing."""


def compiled(cls):
    return cls
