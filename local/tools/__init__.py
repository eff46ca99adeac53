"""What the command line needs before anything is installed: progress, errors and the tools themselves.

Only the standard library is imported here, because `./run` starts this package with the machine's own Python.
"""
