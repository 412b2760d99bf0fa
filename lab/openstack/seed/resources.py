"""Images, flavors and networks. Looks before it makes, so that it can run again."""
from cloud import connect, setting

FLAVORS = {  # name: (MiB of memory, vCPUs, GiB of disk)
    'lab.tiny': (160, 1, 1),
    'lab.small': (256, 1, 2),
    'lab.medium': (512, 2, 4),
}
# Found by `wipe`, which leaves them alone.
PROJECTS = {'demo': ('demo', 'private', 'router', 'DEMO_NET'), 'other': ('stranger', 'other', 'other', 'OTHER_NET')}


def main():
    admin = connect('admin', 'admin')
    for name, (memory, cpus, disk) in FLAVORS.items():
        if not admin.compute.find_flavor(name):
            admin.compute.create_flavor(name=name, ram=memory, vcpus=cpus, disk=disk)
    images(admin.image)
    public = public_network(admin.network)
    for project, (user, *names) in PROJECTS.items():
        project_network(connect(user, project).network, public, *names)


def images(glance):
    """Two images that users name, beside them the kernel and ramdisk of both; made again when their build changed."""
    with open(f'{setting("IMAGES")}/version') as file:
        version = file.read().strip()

    def upload(name, file, kind, **properties):
        for old in glance.images(name=name):
            if old.properties.get('wadi_lab_version') == version:
                return old.id
            glance.delete_image(old)
        kinds = {'disk_format': kind, 'container_format': 'bare' if kind == 'qcow2' else kind}
        return glance.create_image(name, filename=f'{setting("IMAGES")}/{file}', visibility='public', wait=True,
                                   validate_checksum=False, wadi_lab_version=version, **kinds, **properties).id

    user, script, full = setting('GUEST_USER'), setting('SCRIPT_IMAGE'), setting('CLOUD_INIT_IMAGE')
    both = {
        'kernel_id': upload(f'{script}-kernel', 'kernel', 'aki'),
        'ramdisk_id': upload(f'{script}-ramdisk', 'ramdisk', 'ari'),
        'os_distro': 'debian', 'os_admin_user': user, '_sahara_username': user, 'min_disk': 1,
        'os_command_line': 'root=/dev/vda console=ttyS0 no_timer_check quiet',
    }
    upload(script, f'{script}.qcow2', 'qcow2', min_ram=128, wadi_user_data='script', **both)
    upload(full, f'{full}.qcow2', 'qcow2', min_ram=128, **both)


def public_network(net):
    public = net.find_network('public') or net.create_network(
        name='public', is_router_external=True, is_shared=False, mtu=1500,
        provider_network_type='flat', provider_physical_network='public')
    if not net.find_subnet('public'):
        net.create_subnet(
            name='public', network_id=public.id, ip_version=4, enable_dhcp=False,
            cidr=setting('EXT_NET'), gateway_ip=setting('EXT_GATEWAY'),
            allocation_pools=[{'start': setting('EXT_START'), 'end': setting('EXT_END')}])
    return public


def project_network(net, public, network_name, router_name, cidr):
    network = net.find_network(network_name) or net.create_network(name=network_name)
    subnet = net.find_subnet(network_name) or net.create_subnet(
        name=network_name, network_id=network.id, ip_version=4, cidr=setting(cidr))
    if not net.find_router(router_name):
        router = net.create_router(name=router_name, external_gateway_info={'network_id': public.id})
        net.add_interface_to_router(router, subnet_id=subnet.id)


if __name__ == '__main__':
    main()
