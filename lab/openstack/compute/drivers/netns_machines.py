"""Nova's fake driver, with an OpenSSH machine in a network namespace behind each server."""
import base64
import json
import os
import subprocess

from eventlet.timeout import Timeout
import nova.conf
from nova import exception
from nova.virt import fake

CONF = nova.conf.CONF
PROGRAM = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), 'server-machine')


class NetnsDriver(fake.FakeDriver):
    def spawn(self, context, instance, image_meta, injected_files, admin_password, allocations, network_info=None,
              *args, **keywords):
        super().spawn(context, instance, image_meta, injected_files, admin_password, allocations, network_info,
                      *args, **keywords)
        vifs = list(network_info or [])
        # As libvirt's driver does: nothing runs behind a port that is not filtered yet.
        events = [('network-vif-plugged', vif['id']) for vif in vifs if vif.get('active', True) is False]
        try:
            with self.virtapi.wait_for_instance_event(instance, events, deadline=CONF.vif_plugging_timeout):
                for vif in vifs:
                    self._machine(instance, 'plug', port(vif))
        except Timeout:
            raise exception.VirtualInterfaceCreateException()
        user_data = base64.b64decode(instance.user_data or '').decode(errors='replace')
        self._machine(instance, 'start', {
            'hostName': instance.hostname, 'userData': user_data, 'ports': [port(vif) for vif in vifs]})

    def destroy(self, context, instance, *args, **keywords):
        super().destroy(context, instance, *args, **keywords)
        self._machine(instance, 'remove')

    def get_console_output(self, context, instance):
        try:
            with open(f'{folder()}/machines/{instance.uuid}/console', 'rb') as file:
                return file.read()
        except FileNotFoundError:
            return b''

    def _machine(self, instance, action, about=None):
        done = subprocess.run([PROGRAM, folder(), instance.uuid, action], input=json.dumps(about), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise exception.NovaException(f'{action} of the machine of server {instance.uuid}: {done.stdout[-2000:]}')


def folder():
    return f'{CONF.state_path}/netns'


def port(vif):
    subnet = vif['network']['subnets'][0]
    return {'device': vif['devname'], 'bridge': vif['network']['bridge'], 'hardware': vif['address'],
            'address': f'{subnet["ips"][0]["address"]}/{subnet["cidr"].split("/")[1]}',
            'gateway': (subnet.get('gateway') or {}).get('address'),
            'mtu': vif['network']['meta'].get('mtu') or 1500}
