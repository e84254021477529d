"""The versions of everything that a package needs, as they are installed here."""

from __future__ import annotations

import re
from importlib import metadata

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")


def pinned(package: str, extra: str) -> list[str]:
    """Lines for pip's `--constraint`.

    Args:
        package: that is installed, and is not pinned itself.
        extra: of it, whose requirements are pinned too.

    Returns:
        `<name>==<version>` of each installed package that it needs, directly or not, by name; none where the package
        itself is not installed, but only imported.
    """
    found: dict[str, str] = {}
    waiting, seen = [(package, frozenset({extra}))], set[tuple[str, frozenset[str]]]()
    while waiting:
        name, extras = place = waiting.pop()
        if place in seen:
            continue
        seen.add(place)
        try:
            found[_normal(name)] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # For another system or another Python.
        for requirement in metadata.requires(name) or ():
            needed = _needed(requirement, extras)
            if needed:
                waiting.append(needed)
    found.pop(_normal(package), None)
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def _needed(requirement: str, extras: frozenset[str]) -> tuple[str, frozenset[str]] | None:
    """The package that a line of metadata names; None if it belongs to an extra that is not wanted."""
    named, _, marker = requirement.partition(";")
    extra = _EXTRA.search(marker)
    match = _REQUIREMENT.match(named)
    if match is None or (extra and extra[1] not in extras):
        return None
    return match[1], frozenset(part.strip() for part in (match[2] or "").split(",") if part.strip())


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
