def f(x):
	é = f(1) = x
