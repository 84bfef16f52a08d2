"""What the syntax tree of a module says: its WebSocket routes, its handler, its names.

The tree only locates; every edit is made on the file's own bytes.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass

from endpoint_patch.errors import AnchorError

PATHS = ("/v1/responses", "/responses")
_ARGUMENTS = ("websocket", "model", "user_api_key_dict")
_AUTHENTICATE = "user_api_key_auth_websocket"
_LOGGER = "verbose_proxy_logger"
_ROUTE_METHODS = frozenset(
    {"websocket", "websocket_route", "add_api_websocket_route", "add_websocket_route"}
)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_OTHER_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_CAPTURES = (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)


@dataclass(frozen=True, slots=True)
class Handler:
    """The stock WebSocket endpoint. Line numbers count from 1."""

    name: str
    router: str
    authenticate: str
    logger: str
    decorator_lines: tuple[int, ...]


def parse(source: bytes) -> ast.Module:
    """Return the tree of a module in UTF-8; AnchorError where it is none."""
    try:
        with warnings.catch_warnings():
            # Upstream's odd escapes are not ours to complain about.
            warnings.simplefilter("ignore")
            return ast.parse(source.decode("utf-8"))
    except (SyntaxError, ValueError, RecursionError) as error:
        raise AnchorError(f"The file is no Python module in UTF-8: {error}.") from error


def responses_routes(tree: ast.AST) -> list[ast.Call]:
    """Return every call that registers a WebSocket route for a path ending in /responses."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _ROUTE_METHODS
        and (path := _path(node)) is not None
        and path.rstrip("/").endswith("/responses")
    ]


def find_handler(tree: ast.Module) -> Handler:
    """Return the one handler that the patch takes over, or say which anchor does not fit."""
    node = _routed_function(tree)
    if not isinstance(node, ast.AsyncFunctionDef):
        raise AnchorError(f"The WebSocket handler {node.name} is not an async function.")
    decorators = node.decorator_list
    paths = [_path(call) for call in decorators if isinstance(call, ast.Call)]
    if len(decorators) != len(PATHS) or sorted(map(str, paths)) != sorted(PATHS):
        raise AnchorError(
            f"{node.name} must have exactly the routes {' and '.join(PATHS)} and no other"
            f" decorator, but has {', '.join(ast.unparse(item) for item in decorators)}."
        )
    names = _all_arguments(node.args)
    if names != _ARGUMENTS:
        raise AnchorError(
            f"{node.name} must take {', '.join(_ARGUMENTS)}, but takes {', '.join(names)}."
        )
    if not (_is_required_query(_default(node.args, "model")) or model_is_optional(tree)):
        raise AnchorError(f"`model` of {node.name} is not a query parameter.")
    _require_dependency(node)
    routers = {ast.unparse(call.func).rpartition(".")[0] for call in responses_routes(tree)}
    if len(routers) != 1:
        raise AnchorError(f"The routes of {node.name} are on different routers.")
    router = routers.pop()
    missing = {router, _AUTHENTICATE, _LOGGER} - module_names(tree)
    if missing:
        raise AnchorError(f"The module has no top-level name {', '.join(sorted(missing))}.")
    lines = [
        line
        for decorator in decorators
        for line in range(decorator.lineno, (decorator.end_lineno or decorator.lineno) + 1)
    ]
    return Handler(node.name, router, _AUTHENTICATE, _LOGGER, tuple(sorted(lines)))


def handler_source(source: bytes) -> bytes | None:
    """Return the handler from its first decorator to its last line, each line ended by LF.

    None where the module has no WebSocket route for */responses.
    """
    tree = parse(source)
    if not responses_routes(tree):
        return None
    node = _routed_function(tree)
    first = min(decorator.lineno for decorator in node.decorator_list)
    lines = source.splitlines()[first - 1 : node.end_lineno]
    return b"".join(line + b"\n" for line in lines)


def model_is_optional(tree: ast.Module) -> bool:
    """Say whether the module has upstream's own fix: `?model=` may be left out."""
    try:
        node = _routed_function(tree)
    except AnchorError:
        return False
    default = _default(node.args, "model")
    if isinstance(default, ast.Call) and _is_named(default.func, "Query"):
        default = _first_value(default)
    return isinstance(default, ast.Constant) and default.value is None


def module_names(tree: ast.Module) -> set[str]:
    """Return the names that the module binds in its own scope (star imports aside)."""
    bound: set[str] = set()
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, _DEFINITIONS):
            bound.add(node.name)
            for inner in ast.walk(node):
                if isinstance(inner, ast.Global):
                    bound.update(inner.names)
            continue
        if isinstance(node, _OTHER_SCOPES):
            continue
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.alias):
            bound.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, _CAPTURES) and node.name:
            bound.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            bound.add(node.rest)
        pending.extend(ast.iter_child_nodes(node))
    return bound


def names_used(tree: ast.Module) -> set[str]:
    """Return every plain name that the module reads or writes, in any scope.

    Wider than need be on purpose: a star import hides what is bound, but not what is read.
    """
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def is_relative_import(node: ast.AST) -> bool:
    """Say whether the statement is `from .x import y`."""
    return isinstance(node, ast.ImportFrom) and node.level > 0


def _routed_function(tree: ast.Module) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """Return the one top-level function whose decorators are all of the module's routes."""
    routes = responses_routes(tree)
    functions = [
        node
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and any(route in node.decorator_list for route in routes)
    ]
    if len(functions) != 1 or any(route not in functions[0].decorator_list for route in routes):
        raise AnchorError(
            f"Expected one handler for the WebSocket route */responses, found {len(functions)}"
            f" with {len(routes)} routes in all."
        )
    return functions[0]


def _require_dependency(node: ast.AsyncFunctionDef) -> None:
    default = _default(node.args, "user_api_key_dict")
    accepted = {f"{depends}({_AUTHENTICATE})" for depends in ("Depends", "fastapi.Depends")}
    if default is None or ast.unparse(default) not in accepted:
        raise AnchorError(f"user_api_key_dict of {node.name} is not Depends({_AUTHENTICATE}).")


def _is_required_query(default: ast.expr | None) -> bool:
    if not isinstance(default, ast.Call) or not _is_named(default.func, "Query"):
        return False
    value = _first_value(default)
    return value is None or (isinstance(value, ast.Constant) and value.value is Ellipsis)


def _first_value(call: ast.Call) -> ast.expr | None:
    """Return the default that `Query(...)` or `Query(default=...)` gives, None without one."""
    if call.args:
        return call.args[0]
    return next((item.value for item in call.keywords if item.arg == "default"), None)


def _default(arguments: ast.arguments, name: str) -> ast.expr | None:
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = dict(
        zip((item.arg for item in reversed(positional)), reversed(arguments.defaults), strict=False)
    )
    keyword = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return {**defaults, **{item.arg: value for item, value in keyword}}.get(name)


def _all_arguments(arguments: ast.arguments) -> tuple[str, ...]:
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    starred = [item for item in (arguments.vararg, arguments.kwarg) if item]
    return tuple(item.arg for item in [*named, *starred])


def _is_named(function: ast.expr, name: str) -> bool:
    """Say whether a callee is `name` or `fastapi.name`."""
    return ast.unparse(function) in (name, f"fastapi.{name}")


def _path(call: ast.Call) -> str | None:
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
