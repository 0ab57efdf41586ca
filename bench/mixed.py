"""A class with a native field between two Python fields, as a jitclass and as the dataclass with slots that it is measured against."""

import dataclasses

import jitd


def body() -> type:
    class Mixed:
        name: str
        x: float
        items: list

    return Mixed


VARIANTS = {"jitd": lambda: jitd.jitclass()(body()), "dataclass, slots": lambda: dataclasses.dataclass(slots=True)(body())}
