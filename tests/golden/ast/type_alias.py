type A[T = int] = list[T]
type = 1
