"""Walks of remedies about how a command is called, and about profiles and files that it is given."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from walks import Case, Do, House


def typed(command: str) -> Callable[[House], str]:
    """A command; `{item}` is an item with a proposal, `{candidate}` its first candidate."""
    return lambda house: _filled(house, command)


def retyped(command: str) -> Do:
    """The command as the sentence says that it is to be typed."""
    return lambda house, said: _filled(house, command)


def listed(text: str) -> Callable[[House], str]:
    """A list of items in the working folder, and the command that reads it."""

    def arrange(house: House) -> str:
        Path("list.csv").write_text(text, encoding="utf-8")
        return "predict --items list.csv --quiet"

    return arrange


def _right_list(house: House, said: str) -> None:
    Path("list.csv").write_text(_filled(house, "ITEM_CD\n{item}\n"), encoding="utf-8")


def _filled(house: House, command: str) -> str:
    if "{item}" not in command:
        return command
    from homes import ask

    [[item, candidate]] = ask(
        house.warehouse, "SELECT item_cd, candidate_id FROM routing_candidates WHERE candidate_rank = 1 ORDER BY 1 LIMIT 1"
    )  # fmt: skip
    return command.replace("{item}", item).replace("{candidate}", candidate)


def _one_of(template: str) -> Do:
    """The command with the first thing that the sentence offers behind 'one of'."""

    def do(house: House, said: str) -> str:
        offered = re.search(r"[Oo]ne of:? ([\w.-]+)", said)
        assert offered, said
        return _filled(house, template.replace("{}", offered[1]))

    return do


#: The cheapest command that reads a source profile.
PROFILE = "init --home new --quiet --profile mine.toml"


def profiled(text: str) -> Callable[[House], str]:
    """A profile of the site's own in the working folder, and a command that reads it."""
    return lambda house: (Path("mine.toml").write_text(text, encoding="utf-8") and "") or PROFILE


def _corrected(house: House, said: str) -> None:
    """Correct the profile as the sentence says."""
    Path("mine.toml").write_text('extends = "bi_views"\n', encoding="utf-8")


def _circle(house: House) -> str:
    Path("other.toml").write_text('extends = "mine.toml"\n', encoding="utf-8")
    return profiled('extends = "other.toml"\n')(house)


def _near_profile(house: House, said: str) -> str:
    near = re.search(r"did you mean '?(\w+)'?\?", said)
    assert near, said
    return PROFILE.replace("mine.toml", near[1])


MARK = "--user kim --quiet"
CASES = (
    Case("--from … is for --sql only", typed("migrate --from 0010"), retyped("migrate --from 0010 --sql")),
    Case("--json, --csv and --quiet exclude", typed("settings --json --csv"), retyped("settings --json")),
    Case("There is no command … with --json.", typed("json-schema nonsense"), _one_of("json-schema {}")),
    Case("There is no script …", typed("sql show nonsense"), retyped("sql list")),
    Case("--name … is not a name.", typed("init --home new --name a/b"), retyped("init --home new --name a-b")),
    Case(
        "… cannot be written (…).", lambda house: (Path("file").write_text("") and "") or "init --home file/new",
        retyped("init --home new"),
    ),
    Case(
        "… holds a quote or a line break.", typed("""init --home new --erp-url "postgresql://u:a'b@h/d" """),
        retyped("init --home new --erp-url postgresql://u:a%27b@h/d"),
    ),
    Case(
        "--plant …=… says nothing of a plant.", typed("init --home new --plant colour=red"),
        _one_of("init --home new --plant {}=2000"),
    ),
    Case("A demo plant of … items is not possible.", typed("plant --items 0 --seed 1 --url sqlite:///p.db"), retyped("plant --items 200 --seed 1 --url sqlite:///p.db --quiet")),
    Case("The seed … is negative.", typed("plant --items 200 --seed -1 --url sqlite:///p.db"), retyped("plant --items 200 --seed 0 --url sqlite:///p.db --quiet")),
    Case("There is no grammar …", typed("plant --items 200 --seed 1 --grammar x --url sqlite:///p.db"), retyped("plant --items 200 --seed 1 --grammar drawn:7 --url sqlite:///p.db --quiet")),
    Case("The URL of the demo plant is not a database URL.", typed("plant --items 200 --seed 1 --url erp.db"), retyped("plant --items 200 --seed 1 --url sqlite:///erp.db --quiet")),
    Case("Profile …: profile = …: there is no such file.", typed(PROFILE), _corrected),
    Case("Profile …: profile = …: there is no such profile", typed(PROFILE.replace("mine.toml", "bi_view")), _near_profile),
    Case("Profile …: extends = …: profiles extend each other.", _circle, _corrected),
    Case("Profile …: extends = …: must be a name or a path.", profiled("extends = 5\n"), _corrected),
    Case("Profile …: extends = …: leaves the folder", profiled('extends = "../x.toml"\n'), _corrected),
    Case("Profile …: extends = …: there is no such file.", profiled('extends = "x.toml"\n'), _corrected),
    Case("Profile …: file = …: it is not valid TOML", profiled("extends = bi_views\n"), _corrected),
    Case("Profile …: file = …: it is nested too deeply.", profiled(f"x = {'[' * 9000}\n"), _corrected),
)  # fmt: skip
AT_HOME = (
    Case("No item is named.", typed("predict --quiet"), retyped("predict {item} --quiet")),
    Case("The list … has the columns", listed("A,B\n1,2\n"), _right_list),
    Case("The list … has no item code.", listed("ITEM_CD\n"), _right_list),
    Case("The list … cannot be read", typed("predict --items list.csv --quiet"), _right_list),
    Case("--set … is not NAME=VALUE.", typed("predict {item} --set 120 --quiet"), retyped("predict {item} --set OUTDIAMETER=120 --quiet")),
    Case("--set …: no such attribute.", typed("predict {item} --set COLOUR=red --quiet"), _one_of("predict {item} --set {}=1 --quiet")),
    Case("--set …=… is not a number", typed("predict {item} --set OUTDIAMETER=-1 --quiet"), retyped("predict {item} --set OUTDIAMETER=0 --quiet")),
    Case("A lot of … pieces", typed("predict {item} --lot 0 --quiet"), retyped("predict {item} --lot 1 --quiet")),
    Case("--out …: its ending says no form.", typed("adopt {item} {candidate} --out a.txt " + MARK), _one_of("adopt {item} {candidate} --out a{} " + MARK)),
    Case("--out … cannot be written", typed("adopt {item} {candidate} --out no/a.csv " + MARK), retyped("adopt {item} {candidate} --out a.csv " + MARK)),
    Case("There is no reason … for a rejection.", typed("reject {item} --reason ugly " + MARK), _one_of("reject {item} --reason {} " + MARK)),
)  # fmt: skip
