"""Who may do what: oslo.policy over the rules of ``policies``."""

import time
from collections.abc import Hashable, Mapping
from typing import Any

from oslo_config import cfg
from oslo_policy import opts, policy

from novalike.api import policies
from novalike.objects.context import RequestContext

# Seconds for which a decision is remembered: how old the operator's rules may be.
_REMEMBERED = 1.0
# Decisions that are remembered at most.
_MANY = 10_000


class Enforcer:
    """Decides. Reloads the operator's policy file when it changes.

    A request asks half a dozen questions, mostly those of the request before, and oslo.policy takes 0.1 ms for each
    (it looks at the files first). So decisions are remembered, for a moment.

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
        self._decided: dict[Hashable, bool] = {}
        self._forget_at = 0.0

    def allowed(self, ctx: RequestContext, rule: str, target: Mapping[str, Any]) -> bool:
        """Whether a caller may.

        :raises PolicyNotRegistered: there is no such rule: a bug.
        """
        now = time.monotonic()
        if now > self._forget_at or len(self._decided) > _MANY:
            self._decided, self._forget_at = {}, now + _REMEMBERED
        caller = {**ctx.to_policy_values(), "is_admin": ctx.is_admin}
        question = (rule, _frozen(target), _frozen(caller))
        decision = self._decided.get(question)
        if decision is None:
            decision = bool(self._enforcer.authorize(rule, dict(target), caller, do_raise=False))
            self._decided[question] = decision
        return decision

    def is_admin(self, ctx: RequestContext) -> bool:
        """Whether a caller is an administrator of the cloud."""
        return self.allowed(ctx, policies.base.ADMIN, {})


def _frozen(values: Mapping[str, Any]) -> Hashable:
    """What a target or a caller is like, as a key."""
    return tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in values.items())
