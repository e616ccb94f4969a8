"""Roles that rules are made of."""

from oslo_policy import policy

ADMIN = "context_is_admin"
ADMIN_API = "rule:admin_api"
READER_OR_ADMIN = "rule:project_reader_or_admin"
MEMBER_OR_ADMIN = "rule:project_member_or_admin"
MANAGER_OR_ADMIN = "rule:project_manager_or_admin"
SERVICE_OR_ADMIN = "rule:service_or_admin"
ANYONE = "@"

RULES = [
    policy.RuleDefault(ADMIN, "role:admin", "Whose requests see all projects, and heed no locks."),
    policy.RuleDefault("admin_or_owner", "is_admin:True or project_id:%(project_id)s", "An administrator or owner."),
    policy.RuleDefault("admin_api", "is_admin:True", "An administrator."),
    policy.RuleDefault("project_reader_api", "role:reader and project_id:%(project_id)s", "A reader of it."),
    policy.RuleDefault("project_member_api", "role:member and project_id:%(project_id)s", "A member of it."),
    policy.RuleDefault("project_manager_api", "role:manager and project_id:%(project_id)s", "A manager of it."),
    policy.RuleDefault("service_api", "role:service", "Another service of the cloud."),
    policy.RuleDefault(
        "project_reader_or_admin", "rule:project_reader_api or rule:admin_api", "A reader, or an administrator."
    ),
    policy.RuleDefault(
        "project_member_or_admin", "rule:project_member_api or rule:admin_api", "A member, or an administrator."
    ),
    policy.RuleDefault(
        "project_manager_or_admin", "rule:project_manager_api or rule:admin_api", "A manager, or an administrator."
    ),
    policy.RuleDefault("service_or_admin", "rule:service_api or rule:admin_api", "A service, or an administrator."),
]


def rule(
    name: str,
    check: str,
    description: str,
    *operations: tuple[str, str],
    deprecated: policy.DeprecatedRule | None = None,
) -> policy.DocumentedRuleDefault:
    """A rule and the endpoints that it guards, as (method, path)."""
    return policy.DocumentedRuleDefault(
        name=name,
        check_str=check,
        description=description,
        operations=[{"method": method, "path": path} for method, path in operations],
        scope_types=["project"],
        deprecated_rule=deprecated,
    )


def split_rule(
    name: str, check: str, origin: str, description: str, *operations: tuple[str, str]
) -> policy.DocumentedRuleDefault:
    """Return a rule about a part of what another rule, for administrators only, was about. An operator who has written
    a check of his own for that one means it for this one, too, until he writes another.

    :param origin: the other rule.
    """
    reason = f"{name} says by itself what {origin} said with everything else."
    former = policy.DeprecatedRule(origin, ADMIN_API, deprecated_reason=reason, deprecated_since="Nova 32")
    return rule(name, check, description, *operations, deprecated=former)
