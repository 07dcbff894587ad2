"""Write a snapshot in this process and die by SIGKILL just before its Nth effect. Not a test: `test_snapshot` runs it.

python killed_snapshot.py NTH    NTH 0 = live; the number of effects is printed at the end
"""

import os
import signal
import sys

from pipelines import steps
from pipelines.objects.folder import FolderStore
from pipelines.settings import load_settings

seen = 0


def watch(name):
    real = getattr(FolderStore, name)

    def effect(*args, **kwargs):
        global seen  # noqa: PLW0603 - a script
        seen += 1
        if seen == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)

    setattr(FolderStore, name, effect)


watch("put_file")
watch("put_bytes_if")
with steps.open_house(load_settings()) as house:
    steps.write_snapshot(house)
print(seen)
