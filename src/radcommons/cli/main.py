"""The `radcommons` command: one group a zone, loaded only when it is called.

The zones are named here as text and imported on use, so that a client command starts fast and the hospital's room is
never reached from this file.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import click

from radcommons.records.errors import RadcommonsError, UsageError

# name: (module, attribute, help line)
COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("radcommons.cli.demo", "demo", "Run the whole road on synthetic patients, or on a folder of images."),
    "hub": ("radcommons.cli.hub_commands", "hub", "The coalition's server."),
    "site": ("radcommons.cli.site", "site", "The hospital's gateway."),
    "deid": ("radcommons.cli.deid", "deid", "De-identify folders and archives, without services."),
    "crosswalk": ("radcommons.cli.deid", "crosswalk", "Read or re-encrypt the table from old to new names."),
    "release": ("radcommons.cli.release", "release", "List, make and compare releases on the hub."),
    "get": ("radcommons.cli.client", "get", "Download a release; resumable, every digest checked."),
    "verify": ("radcommons.cli.client", "verify", "Check a download against its signed manifest and the feed."),
    "search": ("radcommons.cli.client", "search", "Find studies in the commons."),
    "protocol": ("radcommons.cli.policy", "protocol", "Show and check selection protocols."),
    "profile": ("radcommons.cli.policy", "profile", "Show de-identification profiles."),
    "settings": ("radcommons.cli.settings", "settings", "Print the settings in force."),
}


class Commands(click.Group):
    """The table above as a click group."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the road."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import one command's module and return it."""
        if name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list from the table alone, so that `--help` imports nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Example: radcommons demo --once --data /tmp/demo",
)
@click.version_option(package_name="radcommons")
def cli() -> None:
    """The imaging commons that a coalition of radiology societies and hospitals runs in an epidemic."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line: exit 0 done, 1 refused or found something, 2 wrong usage."""
    try:
        status: Any = cli.main(args=arguments, standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Stopped. Run the same command again to go on.", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except RadcommonsError as error:
        if "--json" in (arguments if arguments is not None else sys.argv):
            click.echo(json.dumps({"error": error.code, "what": error.what, "mend": error.mend}))
        click.echo(f"Error: {error}", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    sys.exit(status if isinstance(status, int) else 0)
