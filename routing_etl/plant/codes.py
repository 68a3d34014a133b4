"""Lists of codes with their names: job codes by stage, resources by line."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Codes:
    """Codes with their names and stages (or lines); index 0 means "none"."""

    code: list[str] = field(default_factory=lambda: [""])
    name: list[str] = field(default_factory=lambda: [""])
    stage: list[str] = field(default_factory=lambda: [""])

    def add(self, code: str, name: str, stage: str) -> int:
        """Add a code and return its index."""
        self.code.append(code)
        self.name.append(name)
        self.stage.append(stage)
        return len(self.code) - 1
