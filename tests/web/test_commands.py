"""`python -m api user`: the same from the command line."""

from pathlib import Path

from tests.servers import commands
from tests.servers.ports import free_port


def test_users_are_looked_after_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "config.ini").write_text(f"[api]\nport = {free_port()}\n")
    (tmp_path / "password").write_text("correct horse battery\n")

    def run(*arguments: str) -> tuple[int, str]:
        done = commands.run(tmp_path, "api", "user", *arguments)
        return done.returncode, done.stdout + done.stderr

    from_file = ("--password-file", "password")
    status, told = run("add", "ann", "--role", "admin")
    assert (status, "give --password-file" in told) == (2, True)
    assert run("add", "ann", "--role", "admin", *from_file)[0] == 0
    assert run("list")[1].startswith("ann\tadmin\t")
    assert run("password", "ann", *from_file)[0] == 0
    status, told = run("add", "ann", "--role", "reader", *from_file)
    assert status == 2
    assert "there is a user 'ann'" in told
    assert run("remove", "ann") == (0, "")
    assert run("list") == (0, "")
