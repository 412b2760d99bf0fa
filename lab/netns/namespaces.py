"""The few kernel calls behind the lab: namespaces, mounts, and finding the processes that live in one."""
import ctypes
import os

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = (
    0x00020000, 0x04000000, 0x08000000, 0x20000000, 0x40000000)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 1 << 14, 1 << 18
MS_BIND = 1 << 12
MNT_DETACH = 2
STATE = '/run/wadi-lab'

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f'{what}: {os.strerror(error)}')


def unshare(flags):
    _check(_libc.unshare(ctypes.c_int(flags)), 'unshare')


def enter_network(name):
    """Moves this process, and what it starts, into a named network namespace; nothing else changes."""
    handle = os.open(f'/run/netns/{name}', os.O_RDONLY)
    try:
        _check(_libc.setns(handle, CLONE_NEWNET), f'setns {name}')
    finally:
        os.close(handle)


def mount(source, target, kind=None, flags=0, options=None):
    text = [None if value is None else value.encode() for value in (source, target, kind, options)]
    _check(_libc.mount(text[0], text[1], text[2], ctypes.c_ulong(flags), text[3]), f'mount {target}')


def pivot_root(new_root):
    """Makes new_root the root and lets go of the old one, so that no path leads back to it."""
    os.chdir(new_root)
    # With both arguments '.', the old root ends up stacked on the new one (pivot_root(2), NOTES).
    _check(_libc.pivot_root(b'.', b'.'), 'pivot_root')
    _check(_libc.umount2(b'.', MNT_DETACH), 'umount of the old root')
    os.chdir('/')


def set_host_name(name):
    _check(_libc.sethostname(name.encode(), len(name)), 'sethostname')


def directory(lab):
    return f'{STATE}/{lab}'


def names_of(lab):
    """The network namespaces of a lab: written down before the first one is made, so that none is forgotten."""
    try:
        with open(f'{directory(lab)}/namespaces') as file:
            return file.read().split()
    except FileNotFoundError:
        return []


def processes_in(names):
    """Every process whose network namespace is one of these, except this one."""
    inodes = set()
    for name in names:
        try:
            inodes.add(f'net:[{os.stat(f"/run/netns/{name}").st_ino}]')
        except FileNotFoundError:
            pass
    found = []
    for entry in os.listdir('/proc') if inodes else []:
        try:
            if entry.isdigit() and int(entry) != os.getpid() and os.readlink(f'/proc/{entry}/ns/net') in inodes:
                found.append(int(entry))
        except OSError:
            pass  # gone in the meantime
    return found
