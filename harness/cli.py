"""The command line: `bellman-bench`."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import Annotated, Final

import typer

from harness.commands.certify import certify
from harness.commands.datasets.collect import collect
from harness.commands.datasets.convert import convert
from harness.commands.datasets.inspect import inspect
from harness.commands.distill import distill
from harness.commands.keep import keep
from harness.commands.list_names import list_names
from harness.commands.pack import pack
from harness.commands.results.compare import compare
from harness.commands.results.leaderboard import leaderboard
from harness.commands.results.plot import plot
from harness.commands.results.report import report
from harness.commands.results.table import table
from harness.commands.run import run
from harness.commands.share import share
from harness.commands.status import status
from harness.commands.terminal import Stop, notices
from harness.commands.verify import verify
from harness.core.errors import InputError, system_error

app = typer.Typer(
    help="Distil offline reinforcement-learning datasets and measure what is lost.",
    pretty_exceptions_enable=False,
)
COMPLETION: Final = "_BELLMAN_BENCH_COMPLETE"  # the variable by which a shell asks for names
INTERRUPTED: Final = 130  # exit status of shells for Ctrl-C
COMMANDS: tuple[Callable[..., None], ...] = (
    collect,
    inspect,
    convert,
    distill,
    certify,
    share,
    run,
    status,
    verify,
    pack,
    keep,
    table,
    compare,
    leaderboard,
    plot,
    report,
)
app.command("list")(list_names)
for command in COMMANDS:
    app.command()(command)


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Declare the options common to all commands; `main` reads --debug itself."""


def main() -> None:
    """Run the command line; invalid input gives a one-line error and exit status 2."""
    arguments = [word for word in sys.argv[1:] if word != "--debug"] or ["--help"]
    if COMPLETION in os.environ or {"--install-completion", "--show-completion"} & set(arguments):
        app(arguments, prog_name="bellman-bench")  # typer ends the process
    try:
        status = app(arguments, prog_name="bellman-bench", standalone_mode=False)
    except InputError as error:
        status = _fail(str(error), 2, error)
    except typer.TyperException as error:
        given = f"given 'bellman-bench {' '.join(arguments)}'; see bellman-bench --help"
        status = _fail(f"{error.format_message().rstrip('.')}; {given}", 2, error)
    except Stop as stop:
        sys.exit(stop.status)
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED  # typer may return it as well
    except BaseException as error:  # the last resort: a line, and a traceback on request
        if isinstance(error.__context__, BrokenPipeError):  # rich makes an exit of it
            sys.exit(1)  # silently: whoever reads, such as `head`, has read enough
        if isinstance(error, OSError) and error.filename is not None:
            status = _fail(str(system_error(error, error.filename)), 2, error)
        else:
            status = _fail(f"{type(error).__name__}: {error} (add --debug for more)", 1, error)
    if status == INTERRUPTED:
        _say("interrupted; run the same command again to resume")
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str, status: int, error: BaseException) -> int:
    if "--debug" in sys.argv:
        traceback.print_exception(error)
    _say(message)
    return status


def _say(message: str) -> None:
    notices.print(f"error: {' '.join(message.split())}", style="red", markup=False)


if __name__ == "__main__":
    main()
