# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The small class of the micro measurements as a Cython extension type."""
cimport cython


@cython.final
@cython.freelist(1024)
cdef class Point:
    cdef public double x
    cdef public long n

    def __init__(self, double x, long n):
        self.x = x
        self.n = n

    def e0(self):
        pass

    def e2(self, double a, double b):
        pass

    def e4(self, long a, long b, long c, long d):
        pass

    def r0(self):
        return self.x

    def r2(self, double a, double b):
        return self.x * a + b

    def r4(self, long a, long b, long c, long d):
        return self.n + a + b + c + d
