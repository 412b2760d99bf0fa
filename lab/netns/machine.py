"""One machine of the lab: its own network, processes, host name and root file system, with sshd as its init.

The root is an overlay of the host's system directories (below, never written) and a tmpfs (above, private).
Of the host only programs and their libraries show through; its homes, data, keys and users do not.
"""
import os
import shutil
import stat
import subprocess
import traceback

import namespaces
from namespaces import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_RDONLY, MS_REC

UID = 1000
SYSTEM = {'bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'usr', 'etc', 'opt'}
# Root on a machine is root in the host's user namespace too; without these it cannot reach past its machine.
WITHHELD = '-sys_admin,-sys_module,-sys_rawio,-sys_boot,-sys_time,-mknod,-sys_ptrace,-syslog'
PROGRAMS = {  # what "without X" hides
    'nc': ['nc', 'netcat', 'nc.openbsd', 'nc.traditional'],
    'bash': ['bash', 'rbash'],
}


def boot(machine, lab):
    """Starts it and returns at once; it outlives us and ends when its namespace is swept."""
    child = os.fork()
    if child:
        if os.waitpid(child, 0)[1] != 0:
            raise SystemExit(f'{machine["name"]} cannot start:\n{last_words(machine, lab)}')
        return
    try:
        os.setsid()
        place = f'{lab["directory"]}/machines/{machine["name"]}'
        log = os.open(f'{place}/log', os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(os.open('/dev/null', os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.closerange(3, 1024)  # a caller that reads our output must see it end
        namespaces.enter_network(f'{lab["name"]}-{machine["name"]}')
        subprocess.run(['ip', '-batch', '-'], input=machine['network'], text=True, check=True)
        with open('/proc/sys/net/ipv4/ip_forward', 'w') as file:
            file.write('0')  # new namespaces inherit it from the host
        namespaces.unshare(namespaces.CLONE_NEWNS | namespaces.CLONE_NEWUTS
                           | namespaces.CLONE_NEWIPC | namespaces.CLONE_NEWPID)
        if os.fork() == 0:  # the first process of the new pid namespace
            run(machine, lab, place)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def last_words(machine, lab):
    with open(f'{lab["directory"]}/machines/{machine["name"]}/log', errors='replace') as file:
        return file.read()[-2000:]


def run(machine, lab, place):
    terminal = console(place) if 'first_boot' in machine else None
    namespaces.set_host_name(machine.get('host_name', machine['name']))
    namespaces.mount(None, '/', None, MS_REC | MS_PRIVATE)
    memory = f'{place}/memory'
    os.makedirs(memory, exist_ok=True)
    namespaces.mount('tmpfs', memory, 'tmpfs', 0, 'mode=755')
    upper, work, root = (f'{memory}/{part}' for part in ('upper', 'work', 'root'))
    for part in (upper, work, root):
        os.mkdir(part)
    fill(upper, machine, lab, place)
    namespaces.mount('overlay', root, 'overlay', 0, f'lowerdir=/,upperdir={upper},workdir={work}')
    packages(root, memory)
    namespaces.mount('proc', f'{root}/proc', 'proc', MS_NOSUID | MS_NODEV | MS_NOEXEC)
    devices(f'{root}/dev')
    if terminal:
        open(f'{root}/dev/console', 'w').close()
        namespaces.mount(terminal, f'{root}/dev/console', None, MS_BIND)
    # For tests of what cannot be written: a disk that is soon full, and one that never takes anything.
    namespaces.mount('tmpfs', f'{root}/mnt/tiny', 'tmpfs', 0, 'size=1m,mode=1777')
    namespaces.mount('tmpfs', f'{root}/mnt/read-only', 'tmpfs', MS_RDONLY, 'mode=1777')
    namespaces.pivot_root(root)
    environment = {'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': '/root'}
    confine = ['/usr/bin/setpriv', f'--bounding-set={WITHHELD}', f'--inh-caps={WITHHELD}']
    if 'first_boot' in machine:
        first_boot(confine, environment)
    if machine['http'] and os.fork() == 0:
        os.execve(confine[0], confine + ['/usr/sbin/nginx', '-c', '/etc/http.conf', '-e', 'stderr'], environment)
    os.execve(confine[0], confine + ['/usr/sbin/sshd', '-D', '-e'], environment)


def console(place):
    """A terminal, whose words are written to a file as long as the machine runs; returns its name."""
    reader, terminal = os.openpty()
    name = os.ttyname(terminal)
    file = open(f'{place}/console', 'ab', buffering=0)  # now: soon there is no such path any more
    if os.fork() == 0:
        while words := os.read(reader, 65536):
            file.write(words)
        os._exit(0)
    file.close()
    return name


def first_boot(confine, environment):
    """What its user data says, before anybody can log in; then host keys, where it has made none."""
    if os.path.exists('/var/lib/user-data'):
        subprocess.run(confine + ['/var/lib/user-data'], env=environment, check=False)
    if not os.path.exists('/etc/ssh/ssh_host_ed25519_key'):
        subprocess.run(['/usr/bin/ssh-keygen', '-A'], env=environment, check=True, stdout=subprocess.DEVNULL)


def packages(root, memory):
    """The programs are the host's, and so is the list of the packages that they came in; what is installed later is not."""
    if not os.path.isdir('/var/lib/dpkg'):
        return
    upper, work, place = f'{memory}/packages', f'{memory}/packages-work', f'{root}/var/lib/dpkg'
    for part in (upper, work, place):
        os.mkdir(part)
    open(f'{upper}/statoverride', 'w').close()  # names users of the host, which the machine has not
    namespaces.mount('overlay', place, 'overlay', 0, f'lowerdir=/var/lib/dpkg,upperdir={upper},workdir={work}')


def fill(upper, machine, lab, place):
    """Everything that differs from the host, written before the overlay is mounted."""
    os.umask(0o022)
    for name in set(os.listdir('/')) - SYSTEM:
        hide(f'{upper}/{name}')
    for name, mode in (('dev', 0o755), ('home', 0o755), ('mnt', 0o755), ('proc', 0o555), ('root', 0o700),
                       ('run', 0o755), ('srv', 0o755), ('sys', 0o555), ('tmp', 0o1777), ('var', 0o755)):
        own_directory(f'{upper}/{name}', mode)
    for name in ('mnt/tiny', 'mnt/read-only', 'run/sshd', 'var/lib', 'var/log', 'var/log/nginx', 'var/tmp', 'etc/pam.d'):
        os.makedirs(f'{upper}/{name}')
    os.chmod(f'{upper}/var/tmp', 0o1777)
    os.symlink('/run', f'{upper}/var/run')
    for name in ('ssh', 'sudoers.d', 'profile.d'):
        own_directory(f'{upper}/etc/{name}', 0o755)
    for name in os.listdir(f'{place}/ssh'):
        shutil.copy(f'{place}/ssh/{name}', f'{upper}/etc/ssh/{name}')
    for name, text in settings(machine, lab).items():
        with open(f'{upper}/etc/{name}', 'w') as file:
            file.write(text)
    os.chmod(f'{upper}/etc/shadow', 0o600)
    os.chmod(f'{upper}/etc/sudoers', 0o440)
    if machine.get('first_boot'):
        script = os.open(f'{upper}/var/lib/user-data', os.O_WRONLY | os.O_CREAT, 0o700)
        os.write(script, machine['first_boot'].encode())
        os.close(script)
    home = f'{upper}/home/{lab["user"]}'
    os.makedirs(f'{home}/.ssh', 0o700)
    os.chmod(home, 0o755)
    if 'authorized_keys' in machine:
        with open(f'{home}/.ssh/authorized_keys', 'w') as file:
            file.write(machine['authorized_keys'])
    else:
        shutil.copy(f'{lab["directory"]}/id_ed25519.pub', f'{home}/.ssh/authorized_keys')
    for path in (home, f'{home}/.ssh', f'{home}/.ssh/authorized_keys'):
        os.chown(path, UID, UID)
    for program in machine['without']:
        for name in PROGRAMS.get(program, [program]):
            for folder in {os.path.realpath(f) for f in ('/bin', '/usr/bin', '/usr/local/bin')}:
                if os.path.lexists(f'{folder}/{name}'):
                    os.makedirs(upper + folder, exist_ok=True)
                    hide(f'{upper}{folder}/{name}')


def settings(machine, lab):
    user, shell = lab['user'], machine['shell']
    return {
        'passwd': f'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n'
                  f'nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n'
                  f'sshd:x:101:65534::/run/sshd:/usr/sbin/nologin\n'
                  f'{user}:x:{UID}:{UID}::/home/{user}:{shell}\n',
        'group': f'root:x:0:\ntty:x:5:\nwww-data:x:33:\nnogroup:x:65534:\n{user}:x:{UID}:\n',
        'shadow': ''.join(f'{name}:*:19000:0:99999:7:::\n' for name in ('root', 'www-data', 'nobody', 'sshd', user)),
        'sudoers': f'Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"\n'
                   f'root ALL=(ALL:ALL) ALL\n{machine["sudoers"]}\n',
        'pam.d/sudo': ''.join(f'{kind} required pam_permit.so\n' for kind in ('auth', 'account', 'session')),
        'hostname': machine.get('host_name', machine['name']) + '\n',
        'hosts': '127.0.0.1 localhost\n' + lab['hosts'],
        'resolv.conf': '',
        'nsswitch.conf': 'passwd: files\ngroup: files\nshadow: files\nhosts: files\n',
        'http.conf': HTTP.replace('NAME', machine['name']),
        'ssh/sshd_config': machine['sshd_config'],
    }


HTTP = '''
daemon off; master_process off; pid /run/nginx.pid; error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off; default_type text/plain; keepalive_timeout 300s; keepalive_requests 1000000;
  client_body_temp_path /tmp/.http; proxy_temp_path /tmp/.http; fastcgi_temp_path /tmp/.http;
  uwsgi_temp_path /tmp/.http; scgi_temp_path /tmp/.http;
  server { listen 8080 default_server; root /srv; location = / { return 200 "hello from NAME\\n"; } }
  server { listen 127.0.0.1:8081; location / { return 200 "only inside NAME\\n"; } }
}
'''


def own_directory(path, mode):
    """A directory under which nothing of the host's directory of that name shows."""
    if os.path.lexists(path):
        os.unlink(path)
    os.makedirs(path)
    os.chmod(path, mode)
    os.setxattr(path, 'trusted.overlay.opaque', b'y')


def hide(path):
    os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))  # overlayfs calls this a whiteout


def devices(folder):
    namespaces.mount('tmpfs', folder, 'tmpfs', MS_NOSUID | MS_NOEXEC, 'mode=755')
    for name, minor in (('null', 3), ('zero', 5), ('full', 7), ('random', 8), ('urandom', 9)):
        os.mknod(f'{folder}/{name}', stat.S_IFCHR, os.makedev(1, minor))
        os.chmod(f'{folder}/{name}', 0o666)
    os.mknod(f'{folder}/tty', stat.S_IFCHR, os.makedev(5, 0))
    os.chmod(f'{folder}/tty', 0o666)
    for name, number in (('stdin', 0), ('stdout', 1), ('stderr', 2)):
        os.symlink(f'/proc/self/fd/{number}', f'{folder}/{name}')
    os.symlink('/proc/self/fd', f'{folder}/fd')
    os.symlink('pts/ptmx', f'{folder}/ptmx')
    for name in ('pts', 'shm'):
        os.mkdir(f'{folder}/{name}')
    namespaces.mount('devpts', f'{folder}/pts', 'devpts', MS_NOSUID | MS_NOEXEC, 'newinstance,ptmxmode=0666,mode=620,gid=5')
    namespaces.mount('tmpfs', f'{folder}/shm', 'tmpfs', MS_NOSUID | MS_NODEV, 'mode=1777')
