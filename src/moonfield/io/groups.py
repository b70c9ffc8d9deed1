"""Names of groups as parts, and back."""

from ..model import Groups, groups_of
from .part import Part

_PLAIN = (str, int, float, bool)


def describe_groups(groups: Groups) -> Part | None:
    """The names; None where one is no text or number."""
    if any(type(part) not in _PLAIN for name in groups.names for part in name):
        return None
    return Part({"names": [list(name) for name in groups.names]}, {})


def build_groups(part: Part) -> Groups:
    """The groups of a part.

    Raises:
        ValueError: a name is no text or number, or names have different depths or come twice.
    """
    names = [tuple(name) for name in part.facts["names"]]
    if any(type(one) not in _PLAIN for name in names for one in name):
        raise ValueError("a group's name is neither text nor a number")
    groups = groups_of(names)
    if len(groups.names) != len(names):
        raise ValueError("a group's name comes twice")
    return groups
