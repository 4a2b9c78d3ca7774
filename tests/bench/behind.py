def measure(bench):
    pass
