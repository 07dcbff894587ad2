"""Work on what others sent, in a process of its own that may be killed: it cannot harm whoever comes next (F5).

A server of processes is started once and has the libraries loaded. For each call it forks a child, which has limits of
memory and of the processor's time, none of our secrets and none of our open files, and ends with its call. So a call
costs some milliseconds, and a crash, a hang or a bomb costs only itself.

    parser = ForkServer("pipelines.parse")
    result = parser.call(partial(function, *arguments), limits=Limits(...), heard=print)
"""

from __future__ import annotations

from pipelines.confinement.calls import ForkServer, LimitExceededError, Limits

__all__ = ["ForkServer", "LimitExceededError", "Limits"]
