"""Makes Sahara's schema in an empty database and fills it through Sahara's own code.

Standard input has a JSON object: `connection` (SQLAlchemy's URL) and `clusters`, each with `tenant`, `name`, `groups` and
whatever else of a cluster is to be set. Written is what sahara-engine writes while it makes a cluster: templates, the
cluster with a key pair made by Sahara, instances with their addresses, provision steps, the name of the Heat stack, the
trust, the status. Standard output has the clusters with their ids and public keys, as JSON.
"""
import json
import logging
import sys

from oslo_config import cfg

from sahara import context
from sahara.conductor import manager
from sahara.db.migration import cli


def migrate():
    sys.argv = ["sahara-db-manage", "upgrade", "head"]
    cfg.CONF.import_opt("connection", "oslo_db.options", group="database")
    cfg.CONF.set_override("connection", wanted["connection"], group="database")
    cli.main()


def template_of(tenant, cluster, group):
    processes = group.get("processes", ["datanode"])
    return conductor.node_group_template_create(tenant, {
        "name": "{}-{}".format(cluster["name"], group["name"]),
        "plugin_name": cluster.get("plugin", "vanilla"),
        "hadoop_version": cluster.get("version", "2.7.5"),
        "flavor_id": "2",
        "node_processes": processes,
        "node_configs": {"HDFS": {"DataNode Heap Size": 1024}} if "datanode" in processes else {},
        "floating_ip_pool": group.get("floating_ip_pool"),
        "is_proxy_gateway": group.get("proxy", False),
        "volumes_per_node": group.get("volumes", 0),
        "volumes_size": 10 if group.get("volumes") else 0,
        "security_groups": ["default"],
        "auto_security_group": True,
        "availability_zone": "nova",
    })


def fill(cluster):
    tenant = context.Context(tenant_id=cluster["tenant"], is_admin=True)
    context.set_ctx(tenant)
    named = {key: cluster[key] for key in ("plugin", "version") if key in cluster}
    groups = [
        {
            "name": group["name"],
            "count": len(group["machines"]),
            "node_group_template_id": template_of(tenant, cluster, group)["id"],
        }
        for group in cluster["groups"]
    ]
    template = conductor.cluster_template_create(tenant, {
        "name": "{}-template".format(cluster["name"]),
        "description": "Größe: zwei",
        "plugin_name": named.get("plugin", "vanilla"),
        "hadoop_version": named.get("version", "2.7.5"),
        "cluster_configs": {"HDFS": {"dfs.replication": 1}},
        "neutron_management_network": "7b0a3b2e-54f0-4f2c-8d6c-0c9e5a3e9b11",
        "anti_affinity": ["datanode"],
        "use_autoconfig": True,
        "domain_name": "hadoop.example.",
        "node_groups": groups,
    })
    made = conductor.cluster_create(tenant, {
        "name": cluster["name"],
        "description": cluster.get("description"),
        "cluster_template_id": template["id"],
        "default_image_id": "2b9b7a3a-8c0c-4c6e-9a1d-2f2f3f0a5c11",
        "user_keypair_id": "operators",
        "status": "Validating",
    })
    for group in made["node_groups"]:
        # As the engine does: each instance that is added counts its group up.
        conductor.node_group_update(tenant, group["id"], {"image_username": cluster["user"], "count": 0})
        asked = next(one for one in cluster["groups"] if one["name"] == group["name"])
        for machine in asked["machines"]:
            added = conductor.instance_add(tenant, group["id"], {
                "instance_id": machine["server"],
                "instance_name": machine["name"],
            })
            conductor.instance_update(tenant, added, {
                "internal_ip": machine["internal_ip"],
                "management_ip": machine["management_ip"],
            })
    step = conductor.cluster_provision_step_add(tenant, made["id"], {
        "step_name": "Engine: create cluster",
        "step_type": "vanilla",
        "total": 1,
    })
    conductor.cluster_event_add(tenant, step, {
        "event_info": None,
        "successful": True,
        "instance_id": None,
        "instance_name": "",
        "node_group_id": None,
    })
    conductor.cluster_update(tenant, made["id"], {
        "extra": {"heat_stack_name": "{}-{}".format(cluster["name"], made["id"][:8])},
        "info": {"HDFS": {"Web UI": "http://198.51.100.9:50070"}},
        "sahara_info": {"infrastructure_engine": "heat.3.0"},
        "trust_id": "3f8e7d6c5b4a39281706f5e4d3c2b1a0",
        "status": cluster.get("status", "Active"),
    })
    if "private_key" in cluster:
        conductor.cluster_update(tenant, made["id"], {"management_private_key": cluster["private_key"]})
    done = conductor.cluster_get(tenant, made["id"])
    return {"id": done["id"], "name": done["name"], "publicKey": done["management_public_key"]}


wanted = json.load(sys.stdin)
logging.disable(logging.INFO)
out, sys.stdout = sys.stdout, sys.stderr
migrate()
conductor = manager.ConductorManager()
filled = [fill(cluster) for cluster in wanted["clusters"]]
json.dump(filled, out)
