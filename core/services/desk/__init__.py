"""The desk itself: where it lies, its records of who did what, its keys and its copies."""

from core.services.desk.opening import Desk, open_desk

__all__ = ["Desk", "open_desk"]
