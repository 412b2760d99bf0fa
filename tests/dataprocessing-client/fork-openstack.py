#!/usr/bin/python3
"""Runs Debian's `openstack` as often as it is told, each time in a fork of its own: loading its modules takes ten times
as long as most commands do.

A line of input is {"id", "args", "cwd", "env", "stdout", "stderr"}, the last two names of files; a line of output is
{"id", "code"} when that command has ended. Commands may run beside each other. Ends with its input.
"""
import json
import os
import select
import sys
from importlib.metadata import entry_points

from openstackclient import shell

FAMILIES = ("openstack.", "cliff.formatter.", "keystoneauth1.plugin")


def load_modules():
    groups = entry_points()
    for group in groups:
        if group.startswith(FAMILIES):
            for each in groups[group]:
                try:
                    each.load()
                except ImportError:
                    pass  # A command of an optional package: whoever asks for it is told so then.


def start(command):
    pid = os.fork()
    if pid != 0:
        return pid
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(command["stdout"], flags, 0o600), 1)
        os.dup2(os.open(command["stderr"], flags, 0o600), 2)
        os.chdir(command["cwd"])
        os.environ.clear()
        os.environ.update(command["env"])
        sys.argv = ["/usr/bin/openstack", *command["args"]]
        code = shell.main(command["args"]) or 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def answer(running, block):
    """Tells of those that have ended."""
    while running:
        pid, status = os.waitpid(-1, 0 if block else os.WNOHANG)
        if pid == 0:
            return
        print(json.dumps({"id": running.pop(pid), "code": os.waitstatus_to_exitcode(status)}), flush=True)


def main():
    load_modules()
    running = {}
    while True:
        ready, _, _ = select.select([sys.stdin], [], [], 0.02 if running else None)
        answer(running, block=False)
        if not ready:
            continue
        line = sys.stdin.buffer.raw.readline()
        if not line:
            break
        command = json.loads(line)
        running[start(command)] = command["id"]
    answer(running, block=True)


main()
