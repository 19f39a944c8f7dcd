"""Command-line options made from the fields of a frozen config, so that both always agree."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_args

import annotated_types
import typer
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from core.errors import SettingsError
from core.language import tr


def with_config_options(config_type: type[BaseModel], parameter: str = "config") -> Callable[..., Any]:
    """Return a decorator that replaces a command's config parameter by one option for each of its fields.

    Options that are not given keep the config's defaults. A value out of bounds raises SettingsError.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        """Return the command with an option for each field."""
        own = inspect.signature(command)

        def wrapped(**values: Any) -> Any:
            given = {name: values.pop(name) for name in config_type.model_fields}
            return command(**values, **{parameter: _build(config_type, given)})

        options = [_option(name, field) for name, field in config_type.model_fields.items()]
        kept = [entry for entry in own.parameters.values() if entry.name != parameter]
        wrapped.__signature__ = inspect.Signature([*kept, *options])  # type: ignore[attr-defined]
        wrapped.__annotations__ = {entry.name: entry.annotation for entry in (*kept, *options)}
        wrapped.__name__, wrapped.__doc__ = command.__name__, command.__doc__
        return wrapped

    return decorate


def _option(name: str, field: FieldInfo) -> inspect.Parameter:
    bounds = _bounds(field)
    default = "" if field.default in (None, "") else tr("Default: {value}.", value=_plain(field.default))
    about = tr(field.description) if field.description else ""
    text = " ".join(part for part in (about, default, bounds) if part)
    flag = f"--{name.replace('_', '-')}"
    kind = next((part for part in get_args(field.annotation) if part is not type(None)), field.annotation)
    annotation = Annotated[kind | None, typer.Option(flag, help=text, show_default=False)]  # type: ignore[operator]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _bounds(field: FieldInfo) -> str:
    words = {annotated_types.Ge: tr("at least"), annotated_types.Gt: tr("above"), annotated_types.Le: tr("at most")}
    words |= {annotated_types.Lt: tr("below")}
    said = [
        f"{word} {_limit(rule)}" for rule in field.metadata for kind, word in words.items() if isinstance(rule, kind)
    ]
    return tr("Must be {bounds}.", bounds=tr(" and ").join(said)) if said else ""


def _limit(rule: Any) -> Any:
    return next(getattr(rule, name) for name in ("ge", "gt", "le", "lt") if hasattr(rule, name))


def _plain(value: Any) -> Any:
    return getattr(value, "value", value)


def _build(config_type: type[BaseModel], given: dict[str, Any]) -> BaseModel:
    try:
        return config_type(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        where = f"--{str(first['loc'][0]).replace('_', '-')} {first['input']}: " if first["loc"] else ""
        message = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{where}{message[0].lower()}{message[1:]}.") from error
