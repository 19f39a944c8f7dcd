"""Finds sentences for people that do not pass through `tr`, `tr_n` or `mark` of `core.language`."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ON_SCREEN = (
    *("core/ui/", "pages/"),
    *("core/dataset/audit/", "core/evaluation/catalogue.py", "core/evaluation/metrics.py"),
    *("core/figures/", "core/services/datasets/data_card.py", "core/services/datasets/tables.py"),
    *("core/services/worklist/reports.py", "core/services/worklist/reading_detail.py"),
    *("core/services/evaluation/comparison_text.py", "core/services/evaluation/training_overlap.py"),
    *(
        "core/services/registry/model_card.py",
        "core/services/registry/card_evidence.py",
        "core/services/registry/card_document.py",
    ),
    *("core/services/runs/record.py", "core/services/sweeps/presets.py"),
    "core/cli/",
    "core/dataset/problems.py",
    *("core/services/evaluation/paired_tests.py", "core/services/experiments/comparison.py"),
    *("core/services/experiments/ensemble_comparison.py", "core/services/experiments/run_tables.py"),
    *("core/services/registry/comparison.py", "core/training/presets.py"),
)
"""Files in which every literal that reads like words is for people."""
FOR_PROGRAMMERS = "core/api/"
"""The reference of the REST API stays in English, as its codes and names do; its errors are for people too."""
FROM_DECODERS = {"core/radiograph/dicom.py", "core/radiograph/plain_dicom.py", "core/radiograph/jpeg_ends.py"}
"""Whose ValueErrors are caught with those of the decoders, and are in English as those are."""
TRANSLATING = {"tr", "tr_n", "mark", "plural_forms"}
FOR_PROGRAMS = {
    *("key", "icon", "type", "format", "mime", "file_name", "language", "width", "height", "gap", "color", "colour"),
    *("vertical_alignment", "horizontal_alignment", "label_visibility", "selection_mode", "on_select", "shortcut"),
    *(
        "html",
        "css",
        "js",
        "layout",
        "pattern",
        "ending",
        "cause",
        "color_discrete_map",
        "color_continuous_scale",
        "colorscale",
        "symbol",
        "examples",
    ),
}
"""Arguments that no person reads."""
SHOWN_IN_FIGURES = {"title", "name", "text", "ticktext", "annotation_text", "colorbar_title", "subplot_titles"}
"""Arguments of charts that are shown, also where they are one small word."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
FOR_PROGRAMMERS_ALONE = {"AttributeError", "NotImplementedError", "AssertionError"}
SPEAKING_CALLS = {"choice", "print_sentence", "print_table"}
PLAIN_CALLS = {
    "TypeVar",
    "NewType",
    "component",
    "compile",
    "getattr",
    "setattr",
    "removeprefix",
    "removesuffix",
    "id_beginning_with",
    "set_creator",
    *("Progress", "counted"),
    *("count_looks", "count_card_looks"),
}
ICON = re.compile(r":material/\w+:")
MARKUP = re.compile(r"</?[a-z]+\d?[ >]|[a-z-]+:[^ ]+;|^python -m |\.ttf$")


@dataclass(frozen=True)
class Bare:
    """A sentence that is not translated; `is_run` says whether it is made each time a function runs."""

    node: ast.expr
    is_run: bool

    @property
    def text(self) -> str:
        """The sentence with `{}` for what is filled in."""
        return _text(self.node)


def bare_on_screen(tree: ast.Module) -> list[Bare]:
    """Return every literal that reads like words, as in files that make pages."""
    return list(_walk(tree, is_all=True))


def bare_elsewhere(tree: ast.Module) -> list[Bare]:
    """Return literals in raised errors, in the help of fields and options and in output, as in all other files."""
    return list(_walk(tree, is_all=False))


def bare_in_figures(tree: ast.Module) -> list[Bare]:
    """Return the literals, alone or in a list, that a chart is given to show."""
    shown = (one.value for one in ast.walk(tree) if isinstance(one, ast.keyword) and one.arg in SHOWN_IN_FIGURES)
    parts = (part for value in shown for part in (value.elts if isinstance(value, ast.List) else [value]))
    return [Bare(part, True) for part in parts if re.search(r"[^\W\d_]", _without_markup(part))]


def _arguments_of(tree: ast.Module, function: str) -> list[ast.expr]:
    calls = (one for one in ast.walk(tree) if isinstance(one, ast.Call) and _name(one.func) == function)
    return [argument for call in calls for argument in call.args]


def _without_markup(node: ast.expr) -> str:
    return re.sub(r"<[^<>]*>", "", _text(node))


def _drop_descriptions(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            node.keywords = [one for one in node.keywords if one.arg != "description"]


def _walk(tree: ast.Module, is_all: bool) -> Iterator[Bare]:
    open_nodes: list[tuple[ast.AST, bool, bool]] = [(tree, False, is_all)]
    while open_nodes:
        node, is_run, is_looked_at = open_nodes.pop()
        if isinstance(node, ast.Constant | ast.JoinedStr):
            if is_looked_at and _reads_like_words(node):
                yield Bare(node, is_run)
                continue
            if isinstance(node, ast.Constant):
                continue
        for child in _children(node):
            if not is_run and isinstance(node, ast.Dict) and child in node.keys and _is_lower(child):
                continue
            runs = is_run or (isinstance(node, FUNCTIONS) and _is_body(node, child))
            is_kind = isinstance(node, ast.arg)
            open_nodes.append((child, runs, _speaks(node, child) or (is_looked_at and not is_kind)))


def _is_lower(key: ast.AST) -> bool:
    """The keys of constant tables are codes that are stored, unless they are written as labels are."""
    return isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value.islower()


def _is_body(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, child: ast.AST) -> bool:
    return child is node.body if isinstance(node, ast.Lambda) else child in node.body


def _speaks(node: ast.AST, child: ast.AST) -> bool:
    """Whether a child is shown to people wherever it is: errors, help of fields and options, a command's output."""
    if isinstance(node, ast.Raise):
        return child is node.exc and not (isinstance(child, ast.Call) and _name(child.func) in FOR_PROGRAMMERS_ALONE)
    if isinstance(node, ast.Call) and _name(node.func) in SPEAKING_CALLS:
        return child in node.args
    return isinstance(node, ast.Call) and isinstance(child, ast.keyword) and child.arg in {"description", "help"}


def _children(node: ast.AST) -> Iterator[ast.AST]:
    skipped: set[int] = set()
    if isinstance(node, ast.Call):
        name = _name(node.func)
        if name in TRANSLATING | PLAIN_CALLS or (isinstance(node.func, ast.Attribute) and _is_log(node.func)):
            # Values that are filled in may hold sentences of their own.
            skipped = {id(one) for one in node.args}
        skipped |= {id(one) for one in node.keywords if one.arg in FOR_PROGRAMS}
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        skipped = {id(node.value)}
    elif isinstance(node, ast.Compare | ast.MatchValue):
        skipped = {id(one) for one in ast.iter_child_nodes(node) if isinstance(one, ast.Constant | ast.Set | ast.Tuple)}
    elif isinstance(node, ast.AnnAssign):
        skipped = {id(node.annotation)}
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        skipped = {id(node.slice)}
    elif isinstance(node, ast.FormattedValue):
        skipped = {id(node.format_spec)}
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        skipped = {id(node.returns)}
    for child in ast.iter_child_nodes(node):
        if id(child) not in skipped:
            yield child


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _is_log(function: ast.Attribute) -> bool:
    return isinstance(function.value, ast.Name) and function.value.id.lower() in {"log", "logger", "logging"}


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return ""


def _reads_like_words(node: ast.expr) -> bool:
    return reads_like_words(_text(node), is_filled_in=isinstance(node, ast.JoinedStr))


def reads_like_words(text: str, is_filled_in: bool) -> bool:
    """Whether a literal is for people by its looks; one that is filled in (`{}`) is a code only without a space."""
    text = ICON.sub("", text)
    if MARKUP.search(text):
        return False
    if re.search(r"[^\W\d_]", text) is None:
        return False
    if is_filled_in:
        return re.search(r"\s", text) is not None
    return bool(re.search(r"[^\W\d_][\w’'-]*[,.:;)]? \(?[^\W\d_]", text) or re.match(r"[\s*(]*[A-Z][a-z]", text))


def bare_in(file: str) -> list[Bare]:
    """Return the sentences of a file of the repository that go past the translation."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    if file.startswith(FOR_PROGRAMMERS):
        _drop_descriptions(tree)
    if file in FROM_DECODERS:
        return [one for one in bare_elsewhere(tree) if one.node not in _arguments_of(tree, "ValueError")]
    if file.startswith("core/figures/"):
        return list(dict.fromkeys([*bare_on_screen(tree), *bare_in_figures(tree)]))
    return bare_on_screen(tree) if file.startswith(ON_SCREEN) else bare_elsewhere(tree)
