"""spaCy imports our commands before it runs any of its own."""

from ..conftest import run_cli

# As with versions of Typer that do not know `Annotated`, or that do not work with the version of click.
CODE = """
import typer.main
get_command = typer.main.get_command
def broken(group):
    if group.info.name == "rnn":
        raise TypeError("Secondary flag is not valid")
    return get_command(group)
typer.main.get_command = broken
import spacy.cli
spacy.cli.setup_cli()
"""


def test_commands_that_do_not_work_leave_spacys_alone():
    done = run_cli("-c", CODE, "rnn")
    assert "No such command" in done.stderr
    (warning,) = [line for line in done.stderr.splitlines() if "UserWarning" in line]
    assert "the commands `spacy rnn` are left out, because they do not work with typer " in warning
    assert "(TypeError: Secondary flag is not valid); upgrade with: pip install --upgrade 'typer" in warning
