"""What clients remember: what they asked for, and what they were told."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Asked:
    """Something that was asked for.

    :param action: ``create``, ``delete``, ``start``, ``stop``, ``reboot soft``, ``reboot hard``, ``resize``,
        ``migrate``, ``confirm``, ``revert``.
    :param status: of the answer; None without one.
    :param heard: False when nobody can have heard it, because nobody listened.
    """

    action: str
    status: int | None
    request_id: str | None = None
    heard: bool = True

    @property
    def accepted(self) -> bool:
        """It must happen."""
        return self.status in (202, 204)

    @property
    def uncertain(self) -> bool:
        """It may have happened, or not: no answer, or one that says that something was away."""
        return self.heard and (self.status is None or self.status >= 500)


@dataclass
class Memory:
    """A server, as the client knows it that asked for it.

    :param name: nobody else's.
    :param uuid: None until it is known.
    """

    name: str
    uuid: str | None = None
    asked: list[Asked] = field(default_factory=list)

    def was(self, action: str) -> list[Asked]:
        """All times that this was asked for."""
        return [each for each in self.asked if each.action == action]

    @property
    def must_exist(self) -> bool:
        """It was accepted, and nobody may have deleted it."""
        made = any(each.accepted for each in self.was("create"))
        return made and not any(each.accepted or each.uncertain for each in self.was("delete"))

    @property
    def must_be_gone(self) -> bool:
        """Its deletion was accepted, or its creation never."""
        if any(each.accepted for each in self.was("delete")):
            return True
        return not any(each.accepted or each.uncertain for each in self.was("create"))
