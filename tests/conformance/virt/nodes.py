"""Hosts and nodes, as a driver knows and reports them."""

import uuid
from collections.abc import Callable

import os_resource_classes
import os_traits

from novalike.virt.driver import Driver
from novalike.virt.node_inventory import standard_inventories
from tests.conformance.virt.fixtures import DriverFixtures


class NodeConformance(DriverFixtures):
    """The tests."""

    def test_the_hypervisor_answers(self, driver: Driver) -> None:
        assert driver.is_healthy()

    def test_a_started_driver_knows_its_hosts(self, driver: Driver, restarted: Callable[[], Driver]) -> None:
        assert driver.hosts()
        assert restarted().hosts() == driver.hosts()

    def test_there_is_a_report_of_every_host(self, driver: Driver) -> None:
        reports = driver.node_reports()
        assert {report.host for report in reports} == set(driver.hosts())
        for report in reports:
            uuid.UUID(report.uuid)
            assert report.vcpus > 0
            assert report.memory_mb > 0
            assert report.hypervisor_version > 0
            assert set(report.traits) <= set(os_traits.get_traits())
            assert "COMPUTE_NODE" in report.traits
            assert {"arch", "model", "vendor", "topology", "features"} <= set(report.cpu_info)

    def test_what_a_node_has_is_reported_by_resource_class(self, driver: Driver) -> None:
        for report in driver.node_reports():
            assert report.inventories
            for name, inventory in standard_inventories(report).items():
                assert report.inventories.get(name, inventory) == inventory, "the report contradicts itself"
            assert len({child.name for child in report.children}) == len(report.children)
            for part in (report, *report.children):
                classes = {name for name in part.inventories if not name.startswith("CUSTOM_")}
                assert classes <= set(os_resource_classes.STANDARDS)

    def test_a_node_keeps_its_identity(self, driver: Driver, restarted: Callable[[], Driver]) -> None:
        before = [(report.host, report.uuid) for report in driver.node_reports()]
        assert [(report.host, report.uuid) for report in restarted().node_reports()] == before
