"""The sample configuration files."""

import pkgutil

import novalike.conf
from novalike.cmd import samples


def test_every_option_is_in_a_sample() -> None:
    listed = set().union(*samples.FILES.values())
    assert listed == {module.name for module in pkgutil.iter_modules(novalike.conf.__path__)}


def test_only_the_conductor_has_databases() -> None:
    with_databases = {name for name, files in samples.FILES.items() if files & {"api_database", "database"}}
    assert with_databases == {"conductor"}


def test_samples_have_options() -> None:
    for listing in (
        samples.list_common, samples.list_api, samples.list_api_metadata, samples.list_scheduler,
        samples.list_conductor, samples.list_compute, samples.list_novncproxy,
    ):  # fmt: skip
        assert all(options for _, options in listing())
        assert listing()
