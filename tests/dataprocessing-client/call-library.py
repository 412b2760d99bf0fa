#!/usr/bin/python3
"""Calls python-saharaclient as it is told: one call a line (JSON), one answer a line.

usage: call-library.py VERSION CLOUD [URL]     URL: of the service; default: what the cloud has

A call is ["manager.method", {keyword arguments}]. An answer is {"result": ...} or, where the library raised the
service's refusal, {"refusal": {"code", "name", "message"}}. OS_CLIENT_CONFIG_FILE names the clouds.yaml.
"""
import json
import operator
import sys

from openstack.config import OpenStackConfig
from saharaclient.api.base import APIException, Page
from saharaclient.client import Client


def main(version, cloud, url=None):
    session = OpenStackConfig().get_one(cloud).get_session()
    client = Client(version, session=session, sahara_url=url)
    for line in sys.stdin:
        method, arguments = json.loads(line)
        try:
            answer = {"result": plain(operator.attrgetter(method)(client)(**arguments))}
        except APIException as refusal:
            answer = {"refusal": {"code": refusal.error_code, "name": refusal.error_name,
                                  "message": refusal.error_message}}
        print(json.dumps(answer), flush=True)


def plain(value):
    if isinstance(value, Page):
        return {"items": [plain(item) for item in value], "next": value.next, "prev": value.prev}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.to_dict() if hasattr(value, "to_dict") else value


main(*sys.argv[1:])
