"""Walks of remedies about settings and their files; each in an empty home."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from walks import Case, Do, House

SETTINGS = "settings"


def given(**variables: str) -> Callable[[House], str]:
    """Variables of the environment, by their names without the prefix."""

    def arrange(house: House) -> str:
        for name, value in variables.items():
            house.environment.setenv(f"ROUTING_ETL_{name}", value.replace("{home}", str(house.home)))
        return SETTINGS

    return arrange


def written(name: str, text: str, **variables: str) -> Callable[[House], str]:
    """A file of the home, and variables."""

    def arrange(house: House) -> str:
        (house.home / name).write_text(text, encoding="utf-8")
        return given(**variables)(house)

    return arrange


def removed(name: str) -> Do:
    """Remove a variable."""
    return lambda house, said: house.environment.delenv(f"ROUTING_ETL_{name}")


def rewritten(name: str, text: str) -> Do:
    """Correct a file of the home."""
    return lambda house, said: (house.home / name).write_text(text, encoding="utf-8") and None


def also(**variables: str) -> Do:
    """Set what is missing."""
    return lambda house, said: given(**variables)(house) and None


def _the_near_name(house: House, said: str) -> None:
    """Write the name that the sentence offers in place of the one that it does not know."""
    wrong, near = re.findall(r"ROUTING_ETL_[A-Z_]+", said)[:2]
    house.environment.delenv(wrong)
    house.environment.setenv(near, "3")


def _outside(name: str, text: str) -> Callable[[House], str]:
    """A file in the working folder, which is not the home."""

    def arrange(house: House) -> str:
        Path(name).write_text(text, encoding="utf-8")
        return SETTINGS

    return arrange


def _open_to_others(house: House) -> str:
    file = house.home / ".env"
    file.write_text("ROUTING_ETL_THREADS=2\n", encoding="utf-8")
    file.chmod(0o666)
    return SETTINGS


def _utf16(house: House) -> str:
    (house.home / ".env").write_text("ROUTING_ETL_THREADS=2\n", encoding="utf-16")
    return SETTINGS


def _default_target(house: House, said: str) -> None:
    """Take the variable out of the file and name the default where the sentence says."""
    (house.home / ".env").unlink()
    file = re.search(r"default_target into (\S+)\.", said)
    assert file
    (house.home / file[1]).write_text('default_target = "dev"\n[target.dev]\nthreads = 2\n', encoding="utf-8")


def _named_target(house: House, said: str) -> None:
    near = re.search(r"did you mean (\w+)\?", said)
    assert near
    house.environment.setenv("ROUTING_ETL_TARGET", near[1])


def _into_the_environment(house: House, said: str) -> None:
    """Take the address out of the file that others may read."""
    (house.home / TOML).unlink()
    house.environment.setenv("ROUTING_ETL_ERP_URL", URL)


URL = "postgresql://u:secret@h/d"
TOML = "routing_etl.toml"
PROD = "[target.prod]\nthreads = 2\n"
CASES = (
    Case("Unknown setting: ", given(THREDS="3"), _the_near_name),
    Case("Wrong setting: ", given(THREADS="0"), also(THREADS="1")),
    Case("ROUTING_ETL_ENV_FILE = …: there is no such file.", given(ENV_FILE="{home}/none"), removed("ENV_FILE")),
    Case("The file … holds settings of ours, but lies outside", _outside(".env", "ROUTING_ETL_THREADS=2\n")),
    Case("The file … lies outside the home", _outside(TOML, "threads = 2\n")),
    Case("The settings file … …, so it was not read.", _open_to_others),
    Case("… is not UTF-8 text (", _utf16, rewritten(".env", "ROUTING_ETL_THREADS=2\n")),
    Case("ROUTING_ETL_TARGET stands in ", written(".env", "ROUTING_ETL_TARGET=dev\n"), _default_target),
    Case("Target … is asked for, but there is no", given(TARGET="prod"), rewritten(TOML, PROD)),
    Case("… has no table [target.", written(TOML, PROD, TARGET="prd"), _named_target),
    Case("…: target = … is no group", written(TOML, 'target = "prod"\n'), rewritten(TOML, f'default_target = "prod"\n{PROD}')),
    Case("… is not TOML (", written(TOML, "profile = plant\n"), rewritten(TOML, 'profile = "plant"\n')),
    Case("……: … is no setting", written(TOML, "thread = 2\n"), rewritten(TOML, "threads = 2\n")),
    Case("……: … is a secret.", written(TOML, 'warehouse_password = "x"\n'), rewritten(TOML, "threads = 2\n")),
    Case("……: … holds a password.", written(TOML, f'erp_url = "{URL}"\n'), _into_the_environment),
    Case("… set without …_SERVER", given(ERP_DATABASE="ERP"), removed("ERP_DATABASE")),
)  # fmt: skip
