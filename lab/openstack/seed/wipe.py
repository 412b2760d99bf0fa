"""Deletes what was made in the projects demo and other, but for what the seed made there."""
import sys
import time

from cloud import connect
from resources import PROJECTS

SECONDS = 180


def main():
    for project, (user, network, router, _) in PROJECTS.items():
        cloud = connect(user, project)
        servers(cloud)
        networks(cloud.network, cloud.current_project_id, network, router)
        delegations(cloud)
    delegations(connect('alice', 'demo'))


def servers(cloud):
    heat, nova = cloud.orchestration, cloud.compute
    stacks = lambda: [stack for stack in heat.stacks() if stack.status != 'DELETE_COMPLETE']
    for stack in stacks():
        heat.delete_stack(stack)
    await_gone(stacks)
    for server in nova.servers():
        nova.delete_server(server, force=server.status == 'ERROR')
    await_gone(lambda: list(nova.servers()))
    for group in nova.server_groups():
        nova.delete_server_group(group)


def networks(net, project, network_kept, router_kept):
    for address in net.ips(project_id=project):
        net.delete_ip(address)
    for port in net.ports(project_id=project):
        if not port.device_owner:
            net.delete_port(port)
    for router in net.routers(project_id=project):
        if router.name != router_kept:
            for port in net.ports(device_id=router.id, device_owner='network:router_interface'):
                net.remove_interface_from_router(router, port_id=port.id)
            net.delete_router(router)
    for network in net.networks(project_id=project):
        if network.name != network_kept:
            net.delete_network(network)
    for group in net.security_groups(project_id=project):
        if group.name != 'default':
            net.delete_security_group(group)


def delegations(cloud):
    """What belongs to a user rather than to a project."""
    identity, user = cloud.identity, cloud.current_user_id
    for pair in cloud.compute.keypairs():
        cloud.compute.delete_keypair(pair)
    for credential in identity.application_credentials(user=user):
        identity.delete_application_credential(user, credential)
    for trust in identity.trusts(trustor_user_id=user):
        identity.delete_trust(trust)


def await_gone(left):
    end = time.monotonic() + SECONDS
    while things := left():
        if time.monotonic() > end:
            sys.exit(f'still there after {SECONDS} s: {", ".join(thing.name for thing in things)}')
        time.sleep(0.5)


main()
