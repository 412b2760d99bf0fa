"""Removes a lab. Touches only what lives in the lab's own network namespaces, and the lab's own directory."""
import os
import shutil
import signal
import subprocess
import sys
import time

import namespaces


def remove(lab):
    """May be called at any time and any number of times; a lab that is not there is a lab removed."""
    names = namespaces.names_of(lab)
    end = time.monotonic() + 30
    # A process may fork while we look, so look until there is none left.
    while left := namespaces.processes_in(names):
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if time.monotonic() > end:
            sys.exit(f'lab {lab}: processes {left} do not end')
        time.sleep(0.02)
    here = [name for name in names if os.path.exists(f'/run/netns/{name}')]
    if here:
        batch = ''.join(f'netns delete {name}\n' for name in here)
        subprocess.run(['ip', '-force', '-batch', '-'], input=batch, text=True, check=True)
    shutil.rmtree(namespaces.directory(lab), ignore_errors=True)
    try:
        os.rmdir(namespaces.STATE)
    except OSError:
        pass  # other labs are standing
