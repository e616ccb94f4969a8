"""What a cloud starts with: users, endpoints, flavors, the image, networks; and its first server.

    cloud.py accounts     users, roles, services and endpoints (Keystone alone must be up)
    cloud.py contents     image and networks; flavors and the key pair when the compute API answers
    cloud.py server       boots the first server, or finds it, and waits for it

Everything is looked for before it is made, so that a second run repairs. One process and the SDK: each call of the
``openstack`` command costs a second or two.
"""

import argparse
import ipaddress
import os
import sys
import time

import openstack

SERVICE_USERS = ('novalike', 'placement', 'glance', 'neutron')
# Guests run under emulation: small ones, and one that asks for as little as possible.
FLAVORS = (
    # id, name, RAM MB, vCPUs, disk GB
    ('42', 'm1.nano', 128, 1, 1),
    ('84', 'm1.micro', 192, 1, 1),
    ('1', 'm1.tiny', 256, 1, 1),
    ('2', 'm1.small', 512, 1, 2),
    ('3', 'm1.medium', 1024, 2, 4),
)
IMAGE = 'guest'
KEY_PAIR = 'devstack'
FIRST_SERVER = 'first'


def env(name):
    return os.environ['DEVSTACK_' + name]


def connect(user='admin'):
    return openstack.connect(
        auth_url='http://127.0.0.1:%s/v3' % env('KEYSTONE_PORT'),
        username=user,
        password=env('%s_PASSWORD' % user.upper()),
        project_name=user,
        user_domain_id='default',
        project_domain_id='default',
        region_name='RegionOne',
        compute_api_version='2',
        load_yaml_config=False,
        load_envvars=False,
        app_name='devstack',
    )


def make_accounts(cloud):
    identity = cloud.identity
    roles = {role.name: role for role in identity.roles()}
    for name in ('service', 'manager', 'member', 'reader'):
        roles.setdefault(name, None)
        roles[name] = roles[name] or identity.create_role(name=name)

    def project(name):
        return identity.find_project(name) or identity.create_project(name=name, domain_id='default')

    def user(name, password, home):
        return identity.find_user(name) or identity.create_user(
            name=name, password=password, domain_id='default', default_project_id=home.id
        )

    services, demo = project('service'), project('demo')
    for name in SERVICE_USERS:
        account = user(name, env('SERVICE_PASSWORD'), services)
        for role in ('admin', 'service'):
            identity.assign_project_role_to_user(services, account, roles[role])
    identity.assign_project_role_to_user(demo, user('demo', env('DEMO_PASSWORD'), demo), roles['member'])
    make_catalog(identity)


def make_catalog(identity):
    """Services, with the names that clients look for: libcloud, for one, asks for ``nova``."""
    services = {service.type: service for service in identity.services()}
    endpoints = {(each.service_id, each.interface): each for each in identity.endpoints()}
    for name, kind, url in (
        ('placement', 'placement', 'http://127.0.0.1:%s' % env('PLACEMENT_PORT')),
        ('glance', 'image', 'http://127.0.0.1:%s' % env('GLANCE_PORT')),
        ('neutron', 'network', 'http://127.0.0.1:%s' % env('NEUTRON_PORT')),
        ('nova', 'compute', 'http://127.0.0.1:%s/v2.1' % env('COMPUTE_PORT')),
    ):
        service = services.get(kind) or identity.create_service(name=name, type=kind)
        if service.name != name:
            identity.update_service(service, name=name)
        for interface in ('public', 'internal', 'admin'):
            endpoint = endpoints.get((service.id, interface))
            if endpoint is None:
                identity.create_endpoint(service_id=service.id, interface=interface, url=url, region_id='RegionOne')
            elif endpoint.url != url:
                identity.update_endpoint(endpoint, url=url)


def make_contents(cloud):
    make_image(cloud)
    make_networks(cloud)
    open_security_group(cloud)


def make_image(cloud):
    if not cloud.image.find_image(IMAGE):
        cloud.create_image(
            IMAGE,
            filename=env('IMAGE_FILE'),
            disk_format='qcow2',
            container_format='bare',
            visibility='public',
            min_disk=1,
            min_ram=64,
            hw_rng_model='virtio',
            hw_qemu_guest_agent='yes',
            os_admin_user='cirros',
            wait=True,
            timeout=120,
        )


def make_networks(cloud):
    network = cloud.network
    floating = ipaddress.ip_network(env('FLOATING_RANGE'))
    hosts = list(floating.hosts())
    public = network.find_network('public') or network.create_network(
        name='public', is_router_external=True, provider_network_type='flat', provider_physical_network='public'
    )
    network.find_subnet('public-subnet') or network.create_subnet(
        name='public-subnet',
        network_id=public.id,
        ip_version=4,
        cidr=str(floating),
        gateway_ip=str(hosts[0]),
        is_dhcp_enabled=False,
        allocation_pools=[{'start': str(hosts[len(hosts) // 5]), 'end': str(hosts[-2])}],
    )
    private = network.find_network('private') or network.create_network(name='private', is_shared=True)
    subnet = network.find_subnet('private-subnet') or network.create_subnet(
        name='private-subnet', network_id=private.id, ip_version=4, cidr=env('FIXED_RANGE')
    )
    router = network.find_router('router1') or network.create_router(
        name='router1', external_gateway_info={'network_id': public.id}
    )
    if not list(network.ports(device_id=router.id, network_id=private.id)):
        network.add_interface_to_router(router, subnet_id=subnet.id)


def open_security_group(cloud):
    """ssh and ping into the servers of project demo."""
    demo = cloud.identity.find_project('demo')
    group = next(iter(cloud.network.security_groups(project_id=demo.id, name='default')))
    for rule in ({'protocol': 'icmp'}, {'protocol': 'tcp', 'port_range_min': 22, 'port_range_max': 22}):
        wanted = dict(rule, direction='ingress', ether_type='IPv4', remote_ip_prefix='0.0.0.0/0')
        try:
            cloud.network.create_security_group_rule(security_group_id=group.id, **wanted)
        except openstack.exceptions.ConflictException:
            pass  # the rule is there


def make_flavors(cloud):
    there = {flavor.name for flavor in cloud.compute.flavors(get_extra_specs=False)}
    for flavor_id, name, ram, vcpus, disk in FLAVORS:
        if name not in there:
            cloud.compute.create_flavor(
                id=flavor_id, name=name, ram=ram, vcpus=vcpus, disk=disk, ephemeral=0, swap=0, is_public=True
            )


def make_key_pair(cloud):
    with open(env('KEY_FILE') + '.pub') as file:
        public_key = file.read().strip()
    if not cloud.compute.find_keypair(KEY_PAIR):
        cloud.compute.create_keypair(name=KEY_PAIR, public_key=public_key)


def make_server(cloud):
    servers = list(cloud.compute.servers(name='^%s$' % FIRST_SERVER))
    server = servers[0] if servers else None
    if server and server.status == 'SHUTOFF':
        cloud.compute.start_server(server)
        time.sleep(1)
    elif server and server.status != 'ACTIVE':
        print('the first server is %s: a new one' % server.status)
        cloud.compute.delete_server(server)
        cloud.compute.wait_for_delete(server, wait=60)
        server = None
    server = server or cloud.compute.create_server(
        name=FIRST_SERVER,
        flavor_id=cloud.compute.find_flavor('m1.nano', ignore_missing=False).id,
        image_id=cloud.image.find_image(IMAGE, ignore_missing=False).id,
        networks=[{'uuid': cloud.network.find_network('private', ignore_missing=False).id}],
        key_name=KEY_PAIR,
    )
    try:
        cloud.compute.wait_for_server(server, wait=180, interval=0.5)
    except openstack.exceptions.SDKException as error:
        server = cloud.compute.get_server(server.id)
        raise SystemExit('the first server is %s: %s (%s)' % (server.status, server.fault, error)) from error
    if env('VIRT_DRIVER') == 'libvirt':
        wait_for_login(cloud, server, seconds=240)


def wait_for_login(cloud, server, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if 'cloud: finished' in (cloud.compute.get_server_console_output(server, length=50).get('output') or ''):
            return
        time.sleep(1)
    raise SystemExit('the first server runs, but its console shows no finished boot after %s s' % seconds)


def wait_for_hosts(cloud):
    wanted = int(env('FAKE_HOSTS' if env('VIRT_DRIVER') == 'fake' else 'HOSTS'))
    end = time.monotonic() + 60
    while time.monotonic() < end:
        up = [each for each in cloud.compute.services(binary='nova-compute') if each.state == 'up']
        if len(up) >= wanted:
            return
        time.sleep(0.5)
    raise SystemExit('%d compute hosts are up after a minute, %d are wanted' % (len(up), wanted))


STAGES = {
    'accounts': lambda: make_accounts(connect()),
    'contents': lambda: make_contents(connect()),
    'flavors': lambda: (make_flavors(connect()), make_key_pair(connect('demo'))),
    'hosts': lambda: wait_for_hosts(connect()),
    'server': lambda: make_server(connect('demo')),
}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('stage', nargs='+', choices=STAGES)
    for stage in parser.parse_args().stage:
        STAGES[stage]()
    sys.exit(0)
