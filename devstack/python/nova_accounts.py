"""Nova's user in Keystone, and its service in the catalog: nova_accounts.py URL.

The service has a type and a name of its own, so nobody but the benchmark asks for it: the compute service of this
cloud, which clients know by the name nova, is novalike.
"""

import sys

from cloud import connect, env

USER, SERVICE = 'nova', 'compute-nova'


def make_user(identity):
    project = identity.find_project('service', ignore_missing=False)
    user = identity.find_user(USER) or identity.create_user(
        name=USER, password=env('SERVICE_PASSWORD'), domain_id='default', default_project_id=project.id
    )
    for role in ('admin', 'service'):
        identity.assign_project_role_to_user(project, user, identity.find_role(role, ignore_missing=False))


def make_endpoints(identity, url):
    service = next(identity.services(type=SERVICE), None) or identity.create_service(name=SERVICE, type=SERVICE)
    if service.name != SERVICE:
        identity.update_service(service, name=SERVICE)
    there = {endpoint.interface: endpoint for endpoint in identity.endpoints(service_id=service.id)}
    for interface in ('public', 'internal', 'admin'):
        if interface not in there:
            identity.create_endpoint(service_id=service.id, interface=interface, url=url, region_id='RegionOne')
        elif there[interface].url != url:
            identity.update_endpoint(there[interface], url=url)


if __name__ == '__main__':
    cloud = connect()
    make_user(cloud.identity)
    make_endpoints(cloud.identity, sys.argv[1])
