"""A node stays who it is."""

import uuid

import pytest

from novalike.virt.libvirt import node_identity


def test_made_once(tmp_path):
    first = node_identity.identify(tmp_path, "hv1")
    assert str(uuid.UUID(first)) == first
    assert node_identity.identify(tmp_path, "hv1") == first


def test_an_operators_own(tmp_path):
    mine = str(uuid.uuid4())
    (tmp_path / "compute_id").write_text(mine.upper() + "\n")
    assert node_identity.identify(tmp_path, "hv1") == mine


def test_a_host_that_was_renamed(tmp_path):
    node_identity.identify(tmp_path, "hv1")
    with pytest.raises(SystemExit, match=r"host is 'hv2'.*'hv1'"):
        node_identity.identify(tmp_path, "hv2")


def test_rubbish(tmp_path):
    (tmp_path / "compute_id").write_text("me")
    with pytest.raises(SystemExit, match="UUID"):
        node_identity.identify(tmp_path, "hv1")
