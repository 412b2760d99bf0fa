"""Projects, users, roles, and the catalog. Looks before it makes, so that it can run again."""
import sys

from cloud import connect, setting

API = setting('API_IP')
SERVICES = {  # type: (account, address)
    'image': ('glance', f'http://{API}:9292'),
    'placement': ('placement', f'http://{API}:8778'),
    'compute': ('nova', f'http://{API}:8774/v2.1'),
    'network': ('neutron', f'http://{API}:9696'),
    'orchestration': ('heat', f'http://{API}:8004/v1/%(tenant_id)s'),
    'cloudformation': (None, f'http://{API}:8000/v1'),
}
PEOPLE = {  # user: {project: roles}
    'demo': {'demo': ['member', 'reader', 'heat_stack_owner']},
    'alice': {'demo': ['member']},
    'reader': {'demo': ['reader']},
    'stranger': {'other': ['member']},
    # Validates the tokens of Wadi's callers, as the services do; acts for a project by a trust.
    'wadi': {'service': ['admin', 'service']},
    # As on most test clouds the administrator may work in the demo project.
    'admin': {'demo': ['admin', 'member', 'heat_stack_owner'], 'other': ['admin']},
}


def main():
    identity = connect('admin', 'admin').identity
    default = identity.find_domain('Default').id
    role = {name: (identity.find_role(name) or identity.create_role(name=name)).id
            for name in ('admin', 'member', 'reader', 'service', 'heat_stack_owner', 'heat_stack_user')}
    project = {name: (identity.find_project(name, domain_id=default)
                      or identity.create_project(name=name, domain_id=default)).id
               for name in ('service', 'demo', 'other')}

    def user(name, domain=default):
        found = identity.find_user(name, domain_id=domain)
        return (found or identity.create_user(name=name, domain_id=domain, password=setting('PASSWORD'))).id

    accounts = {account: {'service': ['admin', 'service']} for account, _ in SERVICES.values() if account}
    for name, rights in (accounts | PEOPLE).items():
        who = user(name)
        for where, names in rights.items():
            for one in names:
                identity.assign_project_role_to_user(project[where], who, role[one])
    for kind, (account, url) in SERVICES.items():
        found = next(identity.services(type=kind), None)
        found = found or identity.create_service(type=kind, name=account or 'heat-cfn')
        known = {endpoint.interface for endpoint in identity.endpoints(service_id=found.id)}
        for interface in {'public', 'internal', 'admin'} - known:
            identity.create_endpoint(service_id=found.id, interface=interface, url=url, region_id=setting('REGION'))

    # Heat keeps the users that it makes for stacks in a domain of their own.
    heat = (identity.find_domain('heat') or identity.create_domain(name='heat')).id
    keeper = user('heat_domain_admin', heat)
    done = identity.put(f'/domains/{heat}/users/{keeper}/roles/{role["admin"]}')
    if done.status_code >= 400:
        sys.exit(f'heat_domain_admin was not made administrator of its domain: {done.status_code} {done.text}')


main()
