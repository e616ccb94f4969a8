"""Who may do what: oslo.policy over the rules of ``policies``."""

from collections.abc import Mapping
from typing import Any

from oslo_config import cfg
from oslo_policy import opts, policy

from novalike.api import policies
from novalike.objects.context import RequestContext


class Enforcer:
    """Decides. Reloads the operator's policy file when it changes.

    :raises SystemExit: the file has a rule that can't be read.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        opts.set_defaults(conf)
        self._enforcer = policy.Enforcer(conf)
        self._enforcer.suppress_default_change_warnings = True
        self._enforcer.suppress_deprecation_warnings = True
        self._enforcer.register_defaults(policies.list_rules())
        try:
            self._enforcer.load_rules()
        except (policy.InvalidDefinitionError, cfg.ConfigFilesNotFoundError, ValueError) as error:
            raise SystemExit(f"[oslo_policy] policy_file: {error}") from error

    def allowed(self, ctx: RequestContext, rule: str, target: Mapping[str, Any]) -> bool:
        """Whether a caller may.

        :raises PolicyNotRegistered: there is no such rule: a bug.
        """
        caller = {**ctx.to_policy_values(), "is_admin": ctx.is_admin}
        return bool(self._enforcer.authorize(rule, dict(target), caller, do_raise=False))

    def is_admin(self, ctx: RequestContext) -> bool:
        """Whether a caller is an administrator of the cloud."""
        return self.allowed(ctx, policies.base.ADMIN, {})
