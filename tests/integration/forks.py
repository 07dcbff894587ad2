"""Lines of standard input, each done by a process of its own that is forked from one which has imported everything."""

import os
import sys
import traceback
from collections.abc import Callable


def answer_lines(do: Callable[..., None]) -> None:
    """Do what each line says, its words being divided by tabs, and answer with the exit code, negative for a signal."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                do(*line.rstrip("\n").split("\t"))
                status = 0
            finally:
                if status:
                    traceback.print_exc()
                sys.stderr.flush()
                os._exit(status)
        _, wait_status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(wait_status), flush=True)
