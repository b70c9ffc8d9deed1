"""What `moonfield COMMAND --help` says, for every command."""

import os
from pathlib import Path

import click
import typer

from moonfield.cli.app import app


def write(folder: Path) -> None:
    """`command_line.md`: a section for each command."""
    os.environ["COLUMNS"] = "88"
    command = typer.main.get_command(app)
    parts = [f"## {name}\n\n```text\n{text}\n```\n" for name, text in _helps(command, "moonfield")]
    (folder / "command_line.md").write_text("\n".join(parts), encoding="utf-8")


def _helps(command, path: str):
    """Names and texts of a command and all below it."""
    context = click.Context(command, info_name=path, max_content_width=88)
    yield path, command.get_help(context).rstrip()
    for name, child in getattr(command, "commands", {}).items():
        yield from _helps(child, f"{path} {name}")
