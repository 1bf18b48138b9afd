"""Python automations: loading a user's file under a private name, and finding the functions marked with `@on`."""

import importlib.machinery
import importlib.util
import inspect
import sys
import traceback
from pathlib import Path
from types import CodeType
from typing import Any, override

from hub.api import HubError, hearings
from plugins.automation.definition import Definition, Handler, broken, fit

_MODULE = "_automations_"
_MOST_PARAMETERS = 2


class _Uncached(importlib.machinery.SourceFileLoader):
    """Compiles the file as it is now: cached bytecode may be older than an edit within the same second."""

    @override
    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def read(path: Path) -> list[Definition]:
    """Load a file and find its automations; a mistake becomes one definition with an `error`.

    The file's own code runs here, so call it from a thread.
    """
    name = _module_name(path)
    spec = importlib.util.spec_from_file_location(name, path, loader=_Uncached(name, str(path)))
    if spec is None or spec.loader is None:
        return [broken(path, f"{path.name} cannot be loaded as Python")]
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:  # noqa: BLE001 - whatever a user's file does, this thread is for it
        forget(path)
        return [broken(path, sentence(error, path))]
    functions = {
        name: one
        for name, one in vars(module).items()
        if inspect.isfunction(one) and one.__module__ == module.__name__ and hearings(one)
    }
    if not functions:
        return [broken(path, f"{path.name}: no function is marked with @on(...) from hub.api")]
    return [_definition(path, name, one) for name, one in functions.items()]


def forget(path: Path) -> None:
    """Drop the module of a file."""
    sys.modules.pop(_module_name(path), None)


def sentence(error: BaseException, path: Path) -> str:
    """One sentence for the owner: the file, the line if the error came through it, and what is wrong."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"{path.name}, line {error.lineno}: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    where = f"{path.name}, line {lines[-1]}" if lines else path.name
    what = str(error) if isinstance(error, HubError) else f"{type(error).__name__}: {error}"
    return f"{where}: {what}"


def _module_name(path: Path) -> str:
    return _MODULE + fit(path.stem).replace(".", "_")


def _definition(path: Path, name: str, function: Any) -> Definition:  # noqa: ANN401 - a user's function
    known_as = fit(f"{path.stem}.{name}")
    parameters = list(inspect.signature(function).parameters.values())
    plain = [one for one in parameters if one.kind in {one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD}]
    if len(plain) != len(parameters) or not 1 <= len(plain) <= _MOST_PARAMETERS:
        line = function.__code__.co_firstlineno
        error = f"{path.name}, line {line}: write it as def {name}(event, home): or def {name}(event):"
        return Definition(id=known_as, name=name, kind="python", file=str(path), error=error)
    handler = Handler(function, tuple(hearings(function)), len(plain) == _MOST_PARAMETERS)
    return Definition(id=known_as, name=name, kind="python", file=str(path), handler=handler)
