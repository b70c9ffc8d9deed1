"""Flows compile longest: their contract is of the slow set."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "contract" and "Flow" in item.name:
            item.add_marker(pytest.mark.slow)
