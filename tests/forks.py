"""Work in a forked process, for tests of what a death leaves behind."""

import os
import traceback
from collections.abc import Callable


def end_of(work: Callable[[], object]) -> int:
    """Do some work in a process of its own; returns its exit status, the negative signal where one killed it."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
