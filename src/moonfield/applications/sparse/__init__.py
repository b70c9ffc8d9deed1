"""Sparse networks: the smaller network of the inputs that a posterior uses."""

from .select import Selected, select_inputs

__all__ = ["Selected", "select_inputs"]
