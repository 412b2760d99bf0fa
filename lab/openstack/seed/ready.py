"""Waits until every agent and the hypervisor report."""
import subprocess
import sys
import time

from cloud import connect, setting

AGENTS = {'Linux bridge agent', 'L3 agent', 'DHCP agent', 'Metadata agent'}
SERVICES = {'nova-compute', 'nova-conductor', 'nova-scheduler'}
SECONDS = 180


def main():
    admin = connect('admin', 'admin')
    end = time.monotonic() + SECONDS
    while missing := silent(admin):
        if time.monotonic() > end:
            sys.exit(f'not ready after {SECONDS} s: {", ".join(sorted(missing))}')
        time.sleep(1)


def silent(admin):
    missing = AGENTS - {agent.agent_type for agent in admin.network.agents() if agent.is_alive}
    missing |= SERVICES - {service.binary for service in admin.compute.services() if service.state == 'up'}
    if missing or hypervisors(admin) == [setting('VIRT_TYPE') in ('fake', 'netns')]:
        return missing
    # A new compute host is in no cell yet.
    subprocess.run(['nova-manage', '--config-dir', setting('NOVA_CONF'), 'cell_v2', 'discover_hosts'],
                   check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return {'the hypervisor'}


def hypervisors(admin):
    """Whether each is Nova's fake driver; one of another type stays for a moment when the type was changed."""
    # Newer microversions ask the compute host for its uptime, which does not answer while it starts.
    answer = admin.compute.get('/os-hypervisors/detail', microversion='2.53')
    return [hypervisor['hypervisor_type'] == 'fake' for hypervisor in answer.json()['hypervisors']]


main()
