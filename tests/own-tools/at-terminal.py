"""Runs a program at a terminal of its own. Lines of JSON on standard input type and change the window; what is shown is standard output."""
import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios


def resize(terminal, rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))


def main():
    child, terminal = pty.fork()
    if child == 0:
        resize(0, 24, 80)
        os.execv(sys.argv[1], sys.argv[1:])
    orders = b''
    inputs = [terminal, 0]
    while True:
        ready, _, _ = select.select(inputs, [], [])
        if terminal in ready:
            try:
                shown = os.read(terminal, 65536)
            except OSError:
                shown = b''
            if not shown:
                break
            os.write(1, shown)
        if 0 in ready:
            more = os.read(0, 65536)
            if not more:
                inputs.remove(0)
            *lines, orders = (orders + more).split(b'\n')
            for order in map(json.loads, lines):
                if 'type' in order:
                    os.write(terminal, order['type'].encode())
                else:
                    resize(terminal, *order['window'])
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


main()
