import subprocess
import sys

import pytest
import typer

from service.cli import ROOMS, build, run

COMMANDS = [command for commands in ROOMS.values() for command in commands]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    assert "Usage" in capsys.readouterr().out


def test_the_rooms_name_exactly_the_commands_that_are_registered() -> None:
    for room, commands in ROOMS.items():
        program = typer.main.get_command(build(commands[0]))
        assert set(program.commands) == set(commands), room  # type: ignore[attr-defined]
    everything = typer.main.get_command(build(None))
    assert set(everything.commands) == set(COMMANDS)  # type: ignore[attr-defined]


def test_an_unknown_command_is_bad_input_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["nonsense"]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said == ["ebb: No such command 'nonsense'."]


def test_a_small_command_loads_no_statistics() -> None:
    code = "import sys; from service.cli import build; build('doctor'); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"scipy", "pyarrow", "numpy", "httpx"} & set(loaded)
