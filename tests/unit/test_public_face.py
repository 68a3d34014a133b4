"""What `import routing_etl` gives: the public names, loaded when they are used, with examples that run."""

from __future__ import annotations

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.base import clone

import routing_etl

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "docs" / "library.md"
HEAVY = ("polars", "numpy", "sklearn", "scipy", "pandas", "sqlalchemy")
FLAGS = doctest.NORMALIZE_WHITESPACE


def run(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def examples(page: str) -> str:
    """The `pycon` blocks of a Markdown page, one after the other."""
    return "\n".join(re.findall(r"^```pycon\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL))


def checked(test: doctest.DocTest) -> doctest.TestResults:
    told: list[str] = []
    result = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=told.append)
    assert not result.failed, "".join(told)
    return result


# --- examples --------------------------------------------------------------------------------------------------------


def test_the_example_of_the_package_runs() -> None:
    (test,) = [t for t in doctest.DocTestFinder().find(routing_etl, "routing_etl") if t.examples]
    assert checked(test).attempted >= 10


@pytest.mark.slow
def test_the_examples_of_the_library_page_run() -> None:
    page = LIBRARY.read_text(encoding="utf-8")
    test = doctest.DocTestParser().get_doctest(examples(page), {}, "library.md", str(LIBRARY), 0)
    assert checked(test).attempted == page.count("\n>>> ") > 30


def test_an_example_that_is_wrong_is_found() -> None:
    page = "```pycon\n>>> 1 + 1\n3\n\n```\n"
    with pytest.raises(AssertionError, match="Expected"):
        checked(doctest.DocTestParser().get_doctest(examples(page), {}, "page", None, 0))


def test_the_library_page_names_every_public_name() -> None:
    page = LIBRARY.read_text(encoding="utf-8")
    assert [n for n in routing_etl.__all__ if n != "__version__" and f"`{n}`" not in page] == []


# --- laziness --------------------------------------------------------------------------------------------------------


def test_importing_the_package_loads_nothing_heavy_and_using_a_name_does() -> None:
    run(
        f"""
import sys, routing_etl
dir(routing_etl), routing_etl.__version__, routing_etl.__all__
assert not [m for m in {HEAVY!r} if m in sys.modules]
routing_etl.RoutingEtlError
assert not [m for m in {HEAVY!r} if m in sys.modules]
routing_etl.AttributeSpec
assert "polars" in sys.modules and "sklearn" not in sys.modules
routing_etl.RoutingPredictor
assert "routing_etl.model.predictor" in sys.modules and "scipy" in sys.modules
assert not [m for m in ("sklearn", "pandas", "matplotlib") if m in sys.modules], "only learning needs them"
"""
    )


def test_a_star_import_gives_the_public_names() -> None:
    run(
        "from routing_etl import *\n"
        "assert RoutingPredictor().get_params()['n_neighbors'] == 24\n"
        "assert callable(evaluate) and AttributeSpec('a', 'text').name == 'a' and __version__\n"
    )


def test_every_public_name_is_there_and_listed() -> None:
    assert len(set(routing_etl.__all__)) == len(routing_etl.__all__)
    for name in routing_etl.__all__:
        assert getattr(routing_etl, name) is not None
        assert name in dir(routing_etl)
    assert set(routing_etl._HOMES) == set(routing_etl.__all__) - {"__version__"}
    for name, home in routing_etl._HOMES.items():
        assert getattr(routing_etl, name) is getattr(importlib.import_module(home), name)


def test_the_types_that_mypy_sees_are_those_that_are_loaded() -> None:
    """The imports for type checkers and the table of homes are two lists of the same."""
    source = Path(routing_etl.__file__).read_text(encoding="utf-8")
    block = source.split("if TYPE_CHECKING:\n")[1].split("\n\n")[0]
    seen = {
        name.strip(): home
        for home, names in re.findall(r"from (\S+) import (.+)", block)
        for name in names.split(",")
    }
    assert seen == routing_etl._HOMES


def test_an_unknown_name_is_refused_as_python_does() -> None:
    with pytest.raises(AttributeError, match=r"^module 'routing_etl' has no attribute 'predict'$"):
        routing_etl.predict  # type: ignore[attr-defined]
    with pytest.raises(ImportError, match="cannot import name 'predict' from 'routing_etl'"):
        from routing_etl import predict  # type: ignore[attr-defined]  # noqa: F401
    assert not hasattr(routing_etl, "no_such_name")


def test_modules_are_still_found_by_their_names() -> None:
    from routing_etl import errors, frames

    assert errors.RoutingEtlError is routing_etl.RoutingEtlError
    assert frames.AttributeSpec is routing_etl.AttributeSpec


def test_the_predictor_of_the_face_can_be_cloned() -> None:
    model = routing_etl.RoutingPredictor(n_trees=7, attributes=(routing_etl.AttributeSpec("a", "text"),))
    copy = clone(model)
    assert copy is not model
    assert copy.get_params() == model.get_params()


def test_without_configuration_only_warnings_are_written_and_not_to_standard_output() -> None:
    code = (
        "from routing_etl.log import get_logger\n"
        "log = get_logger('routing_etl.somewhere')\n"
        "log.info('evaluated', items=3)\n"
        "log.warning('evaluation_impossible', split='time')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert "evaluation_impossible" in done.stderr
    assert "evaluated" not in done.stderr
