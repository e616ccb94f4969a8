"""Policy rules, one file per resource. Names are Nova's, so that an operator's file works."""

import importlib
import pkgutil

from oslo_policy import policy

from novalike.api.policies import base


def list_rules() -> list[policy.RuleDefault]:
    """Every rule, for the enforcer and for oslopolicy-sample-generator."""
    rules = list(base.RULES)
    for module in pkgutil.iter_modules(__path__):
        if module.name != "base":
            rules += importlib.import_module(f"{__name__}.{module.name}").RULES
    return rules
