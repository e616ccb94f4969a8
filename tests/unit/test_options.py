"""Every option does something."""

import ast
import importlib
import pkgutil
from pathlib import Path

import novalike.conf
from novalike.objects.quota import RESOURCES
from novalike.scheduler.weighers.registry import IN_TREE as WEIGHERS

PACKAGE = Path(novalike.conf.__file__).parents[1]
# What configurations, and groups that are handed on, are called where they are read.
HOLDERS = {"conf", "_conf", "options", "pools"}
# Read by a name that stands in a table.
BY_NAME = {("quota", option) for option in RESOURCES.values()} | {("filter_scheduler", w.option) for w in WEIGHERS}


def read_somewhere() -> set[tuple[str, str]]:
    """Everything of the form ``holder.option`` or ``holder[…].option`` in the package."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Attribute):
                continue
            holder = node.value.value if isinstance(node.value, ast.Subscript) else node.value
            if isinstance(holder, ast.Attribute):
                found.add((holder.attr, node.attr))
            elif isinstance(holder, ast.Name):
                found.add((holder.id, node.attr))
    return found


def test_no_option_is_accepted_and_ignored() -> None:
    read = read_somewhere() | BY_NAME
    unread = set()
    for found in pkgutil.iter_modules(novalike.conf.__path__, "novalike.conf."):
        module = importlib.import_module(found.name)
        group = module.GROUP.name if module.GROUP else "DEFAULT"
        unread |= {
            (group, option.dest)
            for option in module.OPTS
            if not {(holder, option.dest) for holder in HOLDERS | {group}} & read
        }
    assert unread == set(), "build what Nova means by it, or leave it out (docs/configuration.md)"
