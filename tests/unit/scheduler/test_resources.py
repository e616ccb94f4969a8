"""What Placement is asked."""

from urllib.parse import parse_qs

import pytest

from novalike.objects.image import Image
from novalike.scheduler.resources import UnusableExtraSpec, build_query
from tests.unit.scheduler.cloud import flavor, new_conf, request


def asked(image=None, local_root=None, overrides=None, **facts):
    conf = new_conf(**(overrides or {}))
    query = build_query(conf, request(flavor=flavor(**facts), image=image, root_gb=local_root), limit=7)
    return {key: value[0] for key, value in parse_qs(query.to_url()).items()}


def test_a_plain_flavor():
    assert asked() == {
        "resources": "DISK_GB:10,MEMORY_MB:512,VCPU:1", "root_required": "!COMPUTE_STATUS_DISABLED", "limit": "7",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "local_root", "disk"),
    [
        ({"ephemeral_gb": 5, "swap": 1}, None, "DISK_GB:16"),
        ({"ephemeral_gb": 5, "swap": 1024}, 0, "DISK_GB:6"),
        ({"swap": 1025, "root_gb": 0}, None, "DISK_GB:2"),
    ],
)
def test_disk_is_root_ephemeral_and_swap_rounded_up(facts, local_root, disk):
    assert asked(local_root=local_root, **facts)["resources"].startswith(disk)


def test_nothing_on_disk_is_not_asked_for():
    assert "DISK_GB" not in asked(local_root=0)["resources"]


def test_extra_specs_replace_and_add_amounts():
    specs = {"resources:VCPU": "0", "resources:CUSTOM_GPU": "2", "resources:MEMORY_MB": "64"}
    assert asked(extra_specs=specs)["resources"] == "CUSTOM_GPU:2,DISK_GB:10,MEMORY_MB:64"


@pytest.mark.parametrize(
    ("specs", "resources"),
    [
        ({"resources:DISK_GB": "3"}, "DISK_GB:3,MEMORY_MB:512,VCPU:1"),
        ({"resources:DISK_GB": "0"}, "MEMORY_MB:512,VCPU:1"),
        ({"resources:MEMORY_MB": "0"}, "DISK_GB:10,VCPU:1"),
        ({"resources:PCPU": "1"}, "DISK_GB:10,MEMORY_MB:512,PCPU:1"),
        ({"resources1:DISK_GB": "4"}, "MEMORY_MB:512,VCPU:1"),
        ({"hw:cpu_policy": "dedicated"}, "DISK_GB:10,MEMORY_MB:512,PCPU:1"),
    ],
    ids=str,
)  # fmt: skip
def test_what_extra_specs_say_of_an_amount_counts_for_the_flavors(specs, resources):
    assert asked(extra_specs=specs)["resources"] == resources


def test_traits_of_flavor_and_image():
    specs = {"trait:HW_CPU_X86_AVX": "required", "trait:CUSTOM_OLD": "forbidden"}
    image = Image(id="i", properties={"traits_required": ["CUSTOM_A"], "trait:CUSTOM_B": "required"})
    assert asked(image, extra_specs=specs)["required"] == "CUSTOM_A,CUSTOM_B,HW_CPU_X86_AVX,!CUSTOM_OLD"


def test_traits_of_an_image_may_be_a_list_or_a_text():
    for listed in (["CUSTOM_A", "CUSTOM_B"], "CUSTOM_A,CUSTOM_B"):
        image = Image(id="i", properties={"traits_required": listed})
        assert asked(image)["required"] == "CUSTOM_A,CUSTOM_B"


def test_granular_groups():
    specs = {"resources1:VGPU": "1", "trait1:CUSTOM_FAST": "required", "resources_net:CUSTOM_BW": "10"}
    found = asked(extra_specs=specs)
    assert (found["resources1"], found["required1"]) == ("VGPU:1", "CUSTOM_FAST")
    assert found["resources_net"] == "CUSTOM_BW:10"
    assert found["group_policy"] == "none"
    assert asked(extra_specs=specs | {"group_policy": "isolate"})["group_policy"] == "isolate"


def test_one_group_needs_no_policy():
    assert "group_policy" not in asked(extra_specs={"resources1:VGPU": "1"})


@pytest.mark.parametrize(
    "specs", [{"resources:VCPU": "x"}, {"resources:VCPU": "-1"}, {"trait:CUSTOM_X": "preferred"}]
)
def test_extra_specs_that_can_not_be(specs):
    with pytest.raises(UnusableExtraSpec, match=next(iter(specs))):
        asked(extra_specs=specs)


def test_image_type_is_asked_for_when_configured():
    qcow2, strange = Image(id="i", disk_format="qcow2"), Image(id="i", disk_format="strange")
    on = {"scheduler__query_placement_for_image_type_support": True}
    assert "QCOW2" not in asked(qcow2)["root_required"]
    assert asked(qcow2, overrides=on)["root_required"] == "COMPUTE_IMAGE_TYPE_QCOW2,!COMPUTE_STATUS_DISABLED"
    assert asked(qcow2, local_root=0, overrides=on)["root_required"] == "!COMPUTE_STATUS_DISABLED"
    assert asked(strange, overrides=on)["root_required"] == "!COMPUTE_STATUS_DISABLED"


def test_abilities_that_a_guest_can_not_do_without():
    assert "PCPU:1" in asked(extra_specs={"hw:cpu_policy": "dedicated"})["resources"]
    tpm = asked(extra_specs={"hw:tpm_version": "2.0", "hw:tpm_model": "tpm-crb"})["required"]
    assert tpm == "COMPUTE_SECURITY_TPM_2_0,COMPUTE_SECURITY_TPM_CRB"
    secure = Image(id="i", properties={"os_secure_boot": "required", "hw_mem_encryption": "True"})
    assert asked(secure)["required"] == "COMPUTE_SECURITY_UEFI_SECURE_BOOT"
    assert "MEM_ENCRYPTION_CONTEXT:1" in asked(secure)["resources"]
