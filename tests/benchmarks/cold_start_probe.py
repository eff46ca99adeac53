"""One cold start in a fresh process: prints wall and CPU milliseconds as JSON.

Started with what is measured: `boto3`, or the name of a function whose folder comes first on the path, then
`module:callable` for what its first invocation makes besides. Nothing is imported before the clock starts
that the measured code would have to import itself.
"""

import sys
import time


def _boto3() -> None:
    import boto3

    boto3.client("dynamodb")


def _function(later: list[str]) -> None:
    # Handlers wire themselves on the first invocation, by cached factories without arguments.
    handler = __import__("handler")
    for value in list(vars(handler).values()):
        if hasattr(value, "cache_info") and value.__module__ == "handler":
            value()
    for name in later:
        module, _, made = name.partition(":")
        __import__(module)
        getattr(sys.modules[module], made)()


def main() -> None:
    """Measure what the command line names."""
    what, *later = sys.argv[1:]
    wall, cpu = time.perf_counter(), time.process_time()
    if what == "boto3":
        _boto3()
    else:
        _function(later)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f'{{"wall_ms": {wall * 1000:.3f}, "cpu_ms": {cpu * 1000:.3f}}}')  # noqa: T201 - its answer


main()
