"""How the seed signs in; every value comes from lib/settings.sh by way of the environment."""
import os

import openstack


def setting(name):
    return os.environ[f'WADI_LAB_{name}']


def connect(user, project):
    return openstack.connect(
        auth_url=f'http://{setting("API_IP")}:5000/v3', username=user, password=setting('PASSWORD'),
        project_name=project, user_domain_name='Default', project_domain_name='Default',
        region_name=setting('REGION'), load_envvars=False, load_yaml_config=False)
