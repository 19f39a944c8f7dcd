"""A form made from a config's own fields: bounds, units, help, headings; one widget for each kind of field."""

from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, get_args

import annotated_types
import streamlit as st
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from core.language import tr

Config = TypeVar("Config", bound=BaseModel)
COLUMNS = 3


def config_form(
    config_type: type[Config], start: BaseModel, *, key: str, hidden: frozenset[str] = frozenset()
) -> Config | None:
    """Show a widget for every field and return the config, or say what does not go together and return None.

    The widgets begin with the values of `start`; a changed key starts again. Hidden fields keep `start`'s values.
    """
    values: dict[str, Any] = {name: getattr(start, name) for name in hidden}
    for place, (heading, names) in enumerate(_by_heading(config_type, hidden).items()):
        with st.expander(heading, expanded=place == 0):
            columns = st.columns(COLUMNS)
            for position, name in enumerate(names):
                field = config_type.model_fields[name]
                with columns[position % COLUMNS]:
                    values[name] = _widget(name, field, getattr(start, name), f"{key}.{name}")
    try:
        return config_type.model_validate(values)
    except ValidationError as error:
        for problem in error.errors():
            st.error(_sentence(problem), icon=":material/error:")
        return None


def words(name: str) -> str:
    """Return a field's or a choice's name as people read it; `tests/messages.py` names them for translators."""
    return tr(name.replace("_", " ").capitalize())


def _by_heading(config_type: type[BaseModel], hidden: frozenset[str]) -> dict[str, list[str]]:
    headings: dict[str, list[str]] = {}
    for name, field in config_type.model_fields.items():
        if name not in hidden:
            headings.setdefault(_heading(field), []).append(name)
    return headings


def about(field: FieldInfo) -> str | None:
    """Return what a field means, in the current language."""
    return tr(field.description) if field.description else None


def _heading(field: FieldInfo) -> str:
    group = _extra(field, "group")
    return tr(group) if group else tr("Choices")


def _extra(field: FieldInfo, name: str) -> str:
    extra = field.json_schema_extra
    return str(extra.get(name, "")) if isinstance(extra, dict) else ""


def _widget(name: str, field: FieldInfo, value: Any, key: str) -> Any:
    kind: Any = next((part for part in get_args(field.annotation) if part is not type(None)), field.annotation)
    unit = _extra(field, "unit")
    label = f"{words(name)} ({tr(unit)})" if unit and unit not in name else words(name)
    if issubclass(kind, bool):
        return st.checkbox(label, value=value, help=about(field), key=key)
    if issubclass(kind, Enum):
        options = list(kind)
        return st.selectbox(
            label,
            options,
            index=options.index(value),
            format_func=lambda choice: words(choice.value),
            help=about(field),
            key=key,
        )
    if issubclass(kind, int):
        return st.number_input(label, value=value, step=1, help=about(field), key=key, **_whole_bounds(field))
    if issubclass(kind, float):
        return _fraction(label, field, value, key)
    text = st.text_input(label, value="" if value is None else str(value), help=about(field), key=key).strip()
    return (Path(text) if text else None) if issubclass(kind, Path) else text


def _whole_bounds(field: FieldInfo) -> dict[str, Any]:
    bounds: dict[str, Any] = {}
    for rule in field.metadata:
        if isinstance(rule, annotated_types.Ge):
            bounds["min_value"] = rule.ge
        elif isinstance(rule, annotated_types.Le):
            bounds["max_value"] = rule.le
    return bounds


def _fraction(label: str, field: FieldInfo, value: float, key: str) -> float:
    """Closed bounds are the widget's; open ones are the config's own check, which says them in words."""
    limits: dict[str, Any] = {}
    bound: Any
    for rule in field.metadata:
        match rule:
            case annotated_types.Ge(ge=bound) | annotated_types.Gt(gt=bound):
                limits["min_value"] = float(bound)
            case annotated_types.Le(le=bound) | annotated_types.Lt(lt=bound):
                limits["max_value"] = float(bound)
    step = 10.0 ** -len(f"{value:.6f}".rstrip("0").partition(".")[2]) if value else 0.01
    return st.number_input(label, value=float(value), step=step, format="%g", help=about(field), key=key, **limits)


def _sentence(problem: Any) -> str:
    message = problem["msg"].removeprefix("Value error, ")
    sentence = f"{message[0].upper()}{message[1:]}."
    return f"{words(str(problem['loc'][0]))}: {sentence}" if problem["loc"] else sentence
