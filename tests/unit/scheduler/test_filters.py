"""Each filter: what it lets pass and what it refuses."""

import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.objects.host import AggregateFacts
from novalike.objects.image import Image
from novalike.objects.scheduling import ServerGroup
from novalike.scheduler.filters import registry
from novalike.scheduler.filters.base import Filter
from novalike.scheduler.filters.operators import matches
from tests.unit.scheduler.cloud import Cloud, candidate, flavor, new_conf, request, server_uuids, verdict

A, B = server_uuids(2, "other")
QEMU = (("x86_64", "qemu", "hvm"), ("i686", "kvm", "hvm"))


def aggregate(number: int = 1, **metadata: str) -> AggregateFacts:
    return AggregateFacts(id=number, uuid=str(number), name=f"aggregate{number}", metadata=metadata)


def image(**properties):
    return Image(id="image", properties=properties)


@pytest.mark.parametrize(
    ("value", "wanted", "holds"),
    [
        ("4", "= 2", True), ("1", "= 2", False), ("4", "== 4.0", True), ("4", "!= 4", False),
        ("4", ">= 4", True), ("3", ">= 4", False), ("3", "<= 4", True), ("x", ">= 4", False),
        ("abc", "s== abc", True), ("abc", "s!= abc", False), ("abc", "s< abd", True), ("abc", "s<= abc", True),
        ("abc", "s> abb", True), ("abc", "s>= abd", False),
        ("abc", "s>= abc", True), ("10", "s< 9", True),
        ("avx sse", "<in> sse", True), ("avx", "<in> sse", False), ("avx sse", "<all-in> avx sse", True),
        ("avx", "<all-in> avx sse", False), ("v2", "<or> v1 <or> v2", True), ("v3", "<or> v1 <or> v2", False),
        ("<or>", "<or> v1 <or> v2", False), ("plain", "plain", True), ("plain", "other", False), (None, "x", False),
        (None, ">= 1", False), ("", "", True), ("x", ">=", False), ("x", "<or>", False),
        ("two words", "two words", True),
    ],
)  # fmt: skip
def test_operators(value, wanted, holds):
    assert matches(value, wanted) is holds


@pytest.mark.parametrize(
    ("facts", "passes"),
    [({}, True), ({"disabled": True}, False), ({"up": False}, False), ({"disabled": True, "up": False}, False)],
)
def test_compute_filter(facts, passes):
    assert (verdict("ComputeFilter", candidate(**facts), request()) is None) is passes


@pytest.mark.parametrize(
    ("specs", "passes"),
    [
        ({}, True),
        ({"capabilities:hypervisor_type": "fake"}, True),
        ({"capabilities:hypervisor_type": "s== qemu"}, False),
        ({"capabilities:cpu_info:vendor": "Intel"}, True),
        ({"capabilities:cpu_info:features": "<in> avx"}, True),
        ({"capabilities:cpu_info:features": "<in> sse9"}, False),
        ({"capabilities:cpu_info:topology:cores": ">= 4"}, True),
        ({"capabilities:nothing": "x"}, False),
        ({"capabilities:packed:inner": "7"}, True),
        ({"capabilities:plain:inner": "7"}, False),
        ({"free_ram_mb": ">= 1000"}, True),
        ({"free_ram_mb": ">= 999999"}, False),
        ({"colour": "blue"}, True),
        ({"colour": "red"}, False),
        ({"shape": "round"}, True),
        ({"hw:cpu_policy": "dedicated"}, True),
        ({"hw:maxphysaddr_bits": "40"}, True),
        ({"hw:maxphysaddr_bits": "48"}, False),
    ],
)
def test_compute_capabilities(specs, passes):
    host = candidate(
        cpu_info={"vendor": "Intel", "features": ["avx"], "topology": {"cores": 4}, "maxphysaddr": {"bits": 46}},
        stats={"colour": "blue", "packed": '{"inner": 7}', "plain": "no json"},
    )
    asked = request(flavor=flavor(extra_specs=specs))
    assert (verdict("ComputeCapabilitiesFilter", host, asked) is None) is passes


def test_what_a_host_says_of_itself_counts_for_that_host():
    """One check is for all hosts of a request, and remembers what it has found out of a fact that they share."""
    specs = {"capabilities:rack": "r1", "capabilities:hypervisor_type": "fake"}
    ((_, loaded),) = registry.load_filters(new_conf(enabled_filters=["ComputeCapabilitiesFilter"]))
    check = loaded.for_request(request(flavor=flavor(extra_specs=specs)), {})
    racks = [{"rack": "r1"}, {"rack": "r2"}, {}, {"rack": "r1"}]
    assert [check(candidate(stats=stats)) is None for stats in racks] == [True, False, False, True]
    assert check(candidate(stats={"rack": "r1"}, hypervisor_type="qemu"))


def test_a_disabled_host_says_why():
    def why(**facts):
        return verdict("ComputeFilter", candidate(disabled=True, **facts), request())

    assert "hot" in why(disabled_reason="hot")
    assert "hot" not in why(disabled_reason=None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host", "host"), ("nodename", "node1"), ("hypervisor_hostname", "node1"), ("hypervisor_version", "7"),
        ("host_ip", "10.0.0.1"), ("vcpus_total", "4"), ("vcpus_used", "3"), ("total_usable_ram_mb", "2048"),
        ("free_ram_mb", "1024"), ("total_usable_disk_gb", "50"), ("free_disk_mb", "20480"), ("num_instances", "5"),
        ("num_io_ops", "6"), ("cpu_allocation_ratio", "2.0"), ("ram_allocation_ratio", "1.5"),
        ("disk_allocation_ratio", "1.25"),
    ],
)  # fmt: skip
def test_what_flavors_may_ask_of_hosts_is_called_as_in_nova(name, value):
    host = candidate(
        hypervisor_hostname="node1", hypervisor_version=7, host_ip="10.0.0.1", vcpus_total=4, vcpus_used=3,
        memory_mb_total=2048, free_memory_mb=1024, total_disk_gb=50, free_disk_gb=20, num_instances=5, num_io_ops=6,
        cpu_allocation_ratio=2.0, ram_allocation_ratio=1.5, disk_allocation_ratio=1.25,
    )  # fmt: skip

    def says(wanted):
        asked = request(flavor=flavor(extra_specs={f"capabilities:{name}": wanted}))
        return verdict("ComputeCapabilitiesFilter", host, asked)

    assert says(value) is None
    assert says("other") is not None


@pytest.mark.parametrize(
    ("properties", "passes"),
    [
        ({}, True),
        ({"hw_architecture": "x86_64"}, True),
        ({"hw_architecture": "amd64", "hw_vm_mode": "HVM"}, True),
        ({"hw_architecture": "aarch64"}, False),
        ({"hw_architecture": "i386", "img_hv_type": "kvm"}, True),
        ({"hw_architecture": "x86_64", "img_hv_type": "kvm"}, False),
        ({"hw_vm_mode": "xen"}, False),
        ({"img_hv_type": "qemu", "img_hv_requested_version": ">=7.0,<8.0"}, True),
        ({"img_hv_type": "qemu", "img_hv_requested_version": ">=8.0"}, False),
        ({"img_hv_type": "qemu", "img_hv_requested_version": "rubbish"}, True),
        ({"img_hv_type": "qemu", "img_hv_requested_version": "==7.2.22"}, True),
        ({"img_hv_type": "qemu", "img_hv_requested_version": "!=7.2.22"}, False),
        ({"img_hv_type": "qemu", "img_hv_requested_version": "<7.2.22"}, False),
        ({"img_hv_type": "qemu", "img_hv_requested_version": "<7.2.23"}, True),
        ({"img_hv_type": "qemu", "img_hv_requested_version": ">7.2.22"}, False),
        ({"img_hv_type": "qemu", "img_hv_requested_version": ">7.2.21"}, True),
        ({"img_hv_type": "qemu", "img_hv_requested_version": ">=7.3"}, False),
        ({"img_hv_type": "qemu", "img_hv_requested_version": "<=7.2.22, >6"}, True),
        *(({"hw_architecture": name, "img_hv_type": "kvm"}, True) for name in ("i386", "i486", "i586", "x86")),
        *(({"hw_architecture": name, "img_hv_type": "qemu"}, True) for name in ("amd64", "x86_64", "X86_64")),
        ({"hw_architecture": "x86_32", "vm_mode": "hv", "hypervisor_type": "KVM"}, True),
        ({"img_hv_type": "qemu", "hw_maxphysaddr_bits": "46"}, True),
        ({"img_hv_type": "qemu", "hw_maxphysaddr_bits": "48"}, False),
    ],
)
def test_image_properties(properties, passes):
    facts = {"supported_instances": QEMU, "hypervisor_version": 7002022, "cpu_info": {"maxphysaddr": {"bits": 46}}}
    asked = request(image=image(**properties))
    assert (verdict("ImagePropertiesFilter", candidate(**facts), asked) is None) is passes


def test_image_properties_of_a_host_that_says_nothing():
    assert verdict("ImagePropertiesFilter", candidate(), request(image=image(hw_architecture="x86_64")))
    assert verdict("ImagePropertiesFilter", candidate(), request()) is None
    needs = {"image_properties_default_architecture": "aarch64"}
    assert verdict("ImagePropertiesFilter", candidate(supported_instances=QEMU), request(), **needs)


@pytest.mark.parametrize(
    ("name", "hints", "passes"),
    [
        ("SameHostFilter", {}, True),
        ("SameHostFilter", {"same_host": A}, True),
        ("SameHostFilter", {"same_host": [B]}, False),
        ("SameHostFilter", {"same_host": [A, B]}, True),
        ("SameHostFilter", {"same_host": ["unknown"]}, False),
        ("DifferentHostFilter", {}, True),
        ("DifferentHostFilter", {"different_host": A}, False),
        ("DifferentHostFilter", {"different_host": [B]}, True),
        ("DifferentHostFilter", {"different_host": ["unknown"]}, True),
    ],
)
def test_same_and_different_host(name, hints, passes):
    asked = request(hints=hints, instance_hosts={A: "host", B: "elsewhere"})
    assert (verdict(name, candidate(), asked) is None) is passes


@pytest.mark.parametrize(
    ("hints", "passes"),
    [
        ({}, True),
        ({"build_near_host_ip": "10.0.0.9"}, True),
        ({"build_near_host_ip": ["10.0.1.9"]}, False),
        ({"build_near_host_ip": "10.0.1.9", "cidr": "/16"}, True),
        ({"build_near_host_ip": "rubbish"}, False),
    ],
)
def test_cidr_affinity(hints, passes):
    assert (verdict("SimpleCIDRAffinityFilter", candidate(host_ip="10.0.0.5"), request(hints=hints)) is None) is passes


def test_group_filters():
    together = ServerGroup(uuid="g", policy="affinity", members=(A, B))
    apart = ServerGroup(uuid="g", policy="anti-affinity", members=(A, B), max_server_per_host=2)
    affine, anti = "ServerGroupAffinityFilter", "ServerGroupAntiAffinityFilter"
    host = candidate()
    assert verdict(affine, host, request(group=together)) is None
    assert verdict(affine, host, request(group=together, instance_hosts={A: "elsewhere"}))
    assert verdict(affine, host, request(group=together, instance_hosts={A: "host", B: "elsewhere"})) is None
    assert verdict(affine, host, request(group=together), {"elsewhere": 1})
    assert verdict(affine, host, request(group=apart, instance_hosts={A: "elsewhere"})) is None
    assert verdict(anti, host, request(group=apart, instance_hosts={A: "host"})) is None
    assert verdict(anti, host, request(group=apart, instance_hosts={A: "host", B: "host"}))
    assert verdict(anti, host, request(group=apart, instance_hosts={A: "host"}), {"host": 1})
    assert verdict(anti, host, request(group=apart, instance_hosts={"no member": "host", "nor this": "host"})) is None


def test_a_server_that_is_moved_does_not_keep_itself_away():
    apart = ServerGroup(uuid="g", policy="anti-affinity", members=(A,))
    moved = request(group=apart, instance_uuids=(A,), instance_hosts={A: "host"})
    assert verdict("ServerGroupAntiAffinityFilter", candidate(), moved) is None


@pytest.mark.parametrize(("policy", "hosts"), [("anti-affinity", 4), ("affinity", 1)])
def test_groups_hold_within_one_request(policy, hosts):
    cloud = Cloud(6)
    assert len(set(cloud.hosts_of(request(4, group=ServerGroup(uuid="g", policy=policy))))) == hosts


def test_anti_affinity_with_too_few_hosts_says_so():
    cloud = Cloud(3)
    reasons = cloud.reasons(request(4, group=ServerGroup(uuid="g", policy="anti-affinity")))
    assert "ServerGroupAntiAffinityFilter" in reasons
    assert cloud.placement.consumers == {}


@pytest.mark.parametrize(
    ("name", "option", "fact"),
    [
        ("NumInstancesFilter", "max_instances_per_host", "num_instances"),
        ("IoOpsFilter", "max_io_ops_per_host", "num_io_ops"),
    ],
)
def test_limits_per_host(name, option, fact):
    assert verdict(name, candidate(**{fact: 1}), request(), **{option: 2}) is None
    assert verdict(name, candidate(**{fact: 2}), request(), **{option: 2})
    generous = (aggregate(1, **{option: "9"}), aggregate(2, **{option: "5"}))
    assert verdict(f"Aggregate{name}", candidate(aggregates=generous, **{fact: 4}), request(), **{option: 2}) is None
    assert verdict(f"Aggregate{name}", candidate(aggregates=generous, **{fact: 5}), request(), **{option: 2})
    rubbish = (aggregate(1, **{option: "many"}),)
    assert verdict(f"Aggregate{name}", candidate(aggregates=rubbish, **{fact: 2}), request(), **{option: 2})


@pytest.mark.parametrize(
    ("specs", "passes"),
    [
        ({}, True),
        ({"aggregate_instance_extra_specs:ssd": "true"}, True),
        ({"ssd": "true"}, True),
        ({"aggregate_instance_extra_specs:ssd": "false"}, False),
        ({"aggregate_instance_extra_specs:missing": "x"}, False),
        ({"aggregate_instance_extra_specs:tier": "<or> gold <or> lead"}, True),
        ({"hw:mem_page_size": "large"}, True),
    ],
)
def test_aggregate_extra_specs(specs, passes):
    host = candidate(aggregates=(aggregate(1, ssd="true"), aggregate(2, tier="gold, silver")))
    asked = request(flavor=flavor(extra_specs=specs))
    assert (verdict("AggregateInstanceExtraSpecsFilter", host, asked) is None) is passes


@pytest.mark.parametrize(
    ("aggregates", "passes"),
    [
        ((), True),
        ((aggregate(1, other="x"),), True),
        ((aggregate(1, filter_tenant_id="x, project"),), True),
        ((aggregate(1, filter_tenant_id="x"),), False),
        ((aggregate(1, filter_tenant_id="x"), aggregate(2, filter_tenant_id_2="project")), True),
    ],
)
def test_aggregate_multi_tenancy(aggregates, passes):
    assert (verdict("AggregateMultiTenancyIsolation", candidate(aggregates=aggregates), request()) is None) is passes


def test_aggregate_image_properties():
    name = "AggregateImagePropertiesIsolation"
    host = candidate(aggregates=(aggregate(1, hw_machine_type="q35", os_distro="debian,ubuntu"),))
    assert verdict(name, host, request()) is None
    assert verdict(name, host, request(image=image(os_distro="ubuntu"))) is None
    assert verdict(name, host, request(image=image(os_distro="windows")))
    options = {"aggregate_image_properties_isolation_namespace": "hw"}
    assert verdict(name, host, request(image=image(os_distro="windows")), **options) is None


@pytest.mark.parametrize(
    ("host", "image_id", "restricted", "passes"),
    [
        ("iso", "special", True, True), ("iso", "plain", True, False), ("any", "special", True, False),
        ("any", "plain", True, True), ("iso", "plain", False, True), ("any", "special", False, False),
        ("any", None, True, True), ("iso", None, True, False),
    ],
)  # fmt: skip
def test_isolated_hosts(host, image_id, restricted, passes):
    options = {
        "isolated_hosts": ["iso"],
        "isolated_images": ["special"],
        "restrict_isolated_hosts_to_isolated_images": restricted,
    }
    asked = request(image=Image(id=image_id) if image_id else None)
    assert (verdict("IsolatedHostsFilter", candidate(host=host), asked, **options) is None) is passes


@pytest.mark.parametrize(
    ("query", "passes"),
    [
        (None, True),
        ('["and", [">=", "$free_ram_mb", 1024], ["=", "$hypervisor_type", "fake"]]', True),
        ('[">", "$free_ram_mb", 999999]', False),
        ('["or", ["<", "$free_ram_mb", 1], ["in", "$host", "a", "host"]]', True),
        ('["not", ["=", "$host", "host"]]', False),
        ('["=", "$stats.colour", "blue"]', True),
        ('["=", "$nothing", "x"]', False),
        ('["no such command", 1]', False),
        ('["and", ["=", "$host", "host"], ["=", "$host", "other"]]', False),
        ('["or", ["=", "$host", "other"], ["=", "$host", "another"]]', False),
        ('["not", ["=", "$host", "other"]]', True),
        ('["in", "$host", "a", "b"]', False),
        ('["in", "$host"]', False),
        ('["=", "$host"]', False),
        ('["<=", "$num_instances", 0]', True),
        ('[">", "$num_instances", -1, 0]', False),
        ('["<", "$host", 1]', False),
        ("no json", False),
        ("[" * 100 + "]" * 100, False),
    ],
)
def test_json_filter(query, passes):
    asked = request(hints={"query": [query]} if query else {})
    assert (verdict("JsonFilter", candidate(stats={"colour": "blue"}), asked) is None) is passes


def test_all_hosts():
    assert verdict("AllHostsFilter", candidate(up=False), request()) is None


class Picky(Filter):
    def for_request(self, asked, placed):
        return lambda host: "never"


def test_filters_of_other_packages_come_by_entry_point(monkeypatch):
    class Entry:
        value = "somewhere:Picky"
        found: object = Picky

        def load(self):
            if isinstance(self.found, Exception):
                raise self.found
            return self.found

    entry = Entry()
    monkeypatch.setattr(registry, "entry_points", lambda group, name: [entry] if name == "Picky" else [])
    assert verdict("Picky", candidate(), request()) == "never"
    for found, words in ((ImportError("broken"), "can't be loaded: broken"), (str, "is not a Filter")):
        entry.found = found
        with pytest.raises(SystemExit, match=words):
            registry.load_filters(new_conf(enabled_filters=["Picky"]))


OWN = f"{__name__}.Picky"


@pytest.mark.parametrize(
    ("available", "enabled"),
    [
        (["nova.scheduler.filters.all_filters"], ["ComputeFilter"]),
        (["nova.scheduler.filters.all_filters", OWN], ["Picky", "ComputeFilter"]),
        ([OWN], ["Picky"]),
        # As Nova calls them: there is no module of this name here.
        (["nova.scheduler.filters.compute_filter.ComputeFilter"], ["ComputeFilter"]),
        (["novalike.scheduler.filters.compute.ComputeFilter"], ["ComputeFilter"]),
    ],
)
def test_available_filters(available, enabled):
    conf = new_conf(available_filters=available, enabled_filters=enabled)
    assert [(name, type(found).__name__) for name, found in registry.load_filters(conf)] == [(e, e) for e in enabled]


class ComputeFilter(Picky):
    """An operator's own, in the place of ours."""


def test_of_two_filters_with_one_name_the_later_one_is_taken():
    ours, own = "nova.scheduler.filters.all_filters", f"{__name__}.ComputeFilter"
    for available, taken in (([ours, own], ComputeFilter), ([own, ours], registry.IN_TREE["ComputeFilter"])):
        conf = new_conf(available_filters=available, enabled_filters=["ComputeFilter"])
        assert [type(found) for _, found in registry.load_filters(conf)] == [taken]


@pytest.mark.parametrize(
    ("available", "words"),
    [
        ([OWN], "enabled_filters: there is no filter 'ComputeFilter' among the available ones. They are: Picky"),
        ([], "available_filters can name more"),
        (["nowhere.at.All"], "available_filters: 'nowhere.at.All' can't be loaded: No module named 'nowhere'"),
        ([f"{__name__}.Missing"], "available_filters: .*Missing' can't be loaded"),
        (["nova.scheduler.filters.x.NoFilter"], "available_filters: .*NoFilter' can't be loaded"),
        (["Picky"], "available_filters: 'Picky' can't be loaded"),
        ([f"{__name__}.matches"], "available_filters: .*matches' is not a Filter"),
    ],
)
def test_what_is_not_available_stops_the_daemon(available, words):
    with pytest.raises(SystemExit, match=words):
        registry.load_filters(new_conf(available_filters=available, enabled_filters=["ComputeFilter"]))


def test_available_filters_are_one_a_line_as_in_nova(tmp_path):
    file = tmp_path / "nova.conf"
    lines = [
        "[filter_scheduler]",
        f"available_filters = {OWN}",
        "available_filters = nova.scheduler.filters.all_filters",
        "enabled_filters = Picky,ComputeFilter",
    ]
    file.write_text("\n".join(lines) + "\n")
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[str(file)], default_config_dirs=[])
    assert [name for name, _ in registry.load_filters(conf)] == ["Picky", "ComputeFilter"]


@pytest.mark.parametrize(
    ("name", "option"), [("IoOpsFilter", "max_io_ops_per_host"), ("NumInstancesFilter", "max_instances_per_host")]
)
def test_limits_hold_within_one_request(name, option):
    cloud = Cloud(2, enabled_filters=[name], **{option: 2})
    assert sorted(cloud.hosts_of(request(4))) == ["host0", "host0", "host1", "host1"]
    assert Cloud(2, enabled_filters=[name], **{option: 2}).hosts_of(request(5)) == []
