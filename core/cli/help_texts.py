"""Help of commands: their docstrings, as all other words, in the desk's language."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import typer

from core.language import tr


def translate_help(app: typer.Typer) -> None:
    """Give each command of an app and of its groups the help that its docstring says, in the current language."""
    for command in _commands(app):
        command.help = tr(_about(command.callback))


def documented(app: typer.Typer) -> set[str]:
    """Return what the docstrings of all commands say, for translators."""
    return {_about(command.callback) for command in _commands(app)} - {""}


def _commands(app: typer.Typer) -> Iterator[Any]:
    yield from app.registered_commands
    for group in app.registered_groups:
        if group.typer_instance is not None:
            yield from _commands(group.typer_instance)


def _about(command: Callable[..., Any] | None) -> str:
    return inspect.getdoc(command) or ""
