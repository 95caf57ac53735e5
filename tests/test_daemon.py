"""A daemon starts, says what is wrong, drains and ends: watched from outside, as an operator."""

import os
import signal
import socket
import subprocess
import sys
import textwrap

import pytest

from tests.daemon_scripts import HEAD, TAIL, ended, starting
from tests.documents import ROOT

WAITS = """
    def main(daemon):
        print("ready", flush=True)
        daemon.stop.wait()
        print("drained", flush=True)
"""
HANGS = """
    def main(daemon):
        print("ready", flush=True)
        daemon.stop.wait()
        print("draining", flush=True)
        threading.Event().wait()
"""


@pytest.fixture
def start(tmp_path):
    with starting(tmp_path) as start:
        yield start


def ready(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_drains(start, number):
    process = ready(start(WAITS))

    process.send_signal(number)

    status, out, err = ended(process)
    assert (status, out) == (0, "drained\n")
    assert "stopping: finishing what is in hand" in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_second_signal_ends_at_once(start, number):
    process = ready(start(HANGS))
    process.send_signal(number)
    assert process.stdout
    assert process.stdout.readline() == "draining\n"

    process.send_signal(number)

    assert ended(process)[0] == 128 + number


def test_a_forked_child_does_not_stop_its_parent(start):
    process = start("""
        def main(daemon):
            child = os.fork()
            if not child:
                signal.pause()
            os.kill(child, signal.SIGTERM)
            _, status = os.waitpid(child, 0)
            print(os.WTERMSIG(status), daemon.stop.wait(0.2))
    """)

    assert ended(process)[:2] == (0, f"{int(signal.SIGTERM)} False\n")


def test_the_status_of_main_is_the_status_of_the_process(start):
    assert ended(start("main = lambda daemon: 7"))[0] == 7


def test_the_pidfile_names_the_process_and_is_gone_at_its_end(start, tmp_path):
    pidfile = tmp_path / "run.pid"
    process = ready(start(WAITS, "--pidfile", str(pidfile)))
    assert pidfile.read_text() == f"{process.pid}\n"

    process.terminate()

    assert ended(process)[0] == 0
    assert not pidfile.exists()


def test_a_pidfile_is_held_by_one_live_process(start, tmp_path):
    pidfile = tmp_path / "run.pid"
    first = ready(start(WAITS, "--pidfile", str(pidfile)))

    status, _, err = ended(start(WAITS, "--pidfile", str(pidfile)))

    assert status == 4
    assert err == f"api: --pidfile {pidfile}: process {first.pid} holds it and is running\n"
    assert pidfile.read_text() == f"{first.pid}\n"


def test_the_pidfile_of_a_killed_process_is_taken_over(start, tmp_path):
    pidfile = tmp_path / "run.pid"
    killed = ready(start(WAITS, "--pidfile", str(pidfile)))
    killed.kill()
    killed.wait()

    second = ready(start(WAITS, "--pidfile", str(pidfile)))

    assert pidfile.read_text() == f"{second.pid}\n"


def test_a_pidfile_that_cannot_be_written_is_a_setting_to_mend(start, tmp_path):
    status, _, err = ended(start(WAITS, "--pidfile", str(tmp_path / "no" / "run.pid")))

    assert status == 2
    assert "run.pid: cannot be written: No such file or directory" in err


def test_bad_settings_end_with_2_and_one_sentence(start, tmp_path):
    (tmp_path / "my.ini").write_text("[api]\nport = x")

    status, out, err = ended(start(WAITS, "--config", "my.ini"))

    assert (status, out) == (2, "")
    assert err.startswith(f"api: {tmp_path}/my.ini: [api] port: found 'x', expected a whole number")
    assert err.count("\n") == 1


def test_main_may_find_the_settings_wrong_too(start):
    process = start("""
        def main(daemon):
            raise SettingsError("no password for the mailbox work")
    """)

    assert ended(process) == (2, "", "api: no password for the mailbox work\n")


def test_any_other_error_of_ours_is_a_sentence_and_1(start):
    process = start("""
        def main(daemon):
            raise RefusedError("schema", "the database is newer than the program")
    """)

    assert ended(process) == (1, "", "api: the database is newer than the program\n")


def test_a_defect_shows_its_traceback_and_ends_with_1(start):
    status, _, err = ended(start("main = lambda daemon: 1 / 0"))

    assert status == 1
    assert "ZeroDivisionError" in err


def test_a_taken_port_is_named_and_ends_with_3(start, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "config.ini").write_text(f"[api]\nport = {port}")

        status, _, err = ended(
            start("""
                def main(daemon):
                    port = daemon.config.section("api", house.settings.Api).port
                    socket.create_server(("127.0.0.1", port))
            """)
        )

    assert status == 3
    assert err == (
        f"api: 127.0.0.1 port {port} is taken by another program: end that one, "
        f"or set another port in [api] of {tmp_path}/config.ini\n"
    )


def test_a_line_of_the_log_is_one_line_whatever_stands_in_it(start):
    _, _, err = ended(
        start("""
            def main(daemon):
                log.info("subject: %s", "one\\ntwo \\x1b[31m red \\u202e \\ud800")
        """)
    )

    (line,) = err.splitlines()
    assert line.endswith(r"INFO api.test: subject: one\ntwo \x1b[31m red \u202e \ud800")


def test_the_log_goes_to_a_file_too_and_libraries_never_tell_details(start, tmp_path):
    (tmp_path / "config.ini").write_text("[log]\nfile = logs/api.log\nlevel = debug")

    _, _, err = ended(
        start("""
            def main(daemon):
                log.debug("a detail")
                logging.getLogger("imapclient").debug("LOGIN me hunter2")
        """)
    )

    assert (tmp_path / "logs" / "api.log").read_text() == err
    assert "a detail" in err
    assert "hunter2" not in err


def test_the_command_line_decides_the_level(start):
    code = """
        def main(daemon):
            log.info("chatter")
            log.error("trouble")
    """

    err = ended(start(code, "--log-level", "error"))[2]

    assert "trouble" in err
    assert "chatter" not in err


def test_a_log_file_that_cannot_be_written_is_a_setting_to_mend(start, tmp_path):
    (tmp_path / "config.ini").write_text("[log]\nfile = /proc/nowhere/api.log")

    status, _, err = ended(start(WAITS))

    assert status == 2
    assert "[log] file: /proc/nowhere/api.log cannot be written" in err


def test_a_daemon_has_arguments_of_its_own(start):
    process = start(
        """
        def arguments(parser):
            parser.add_argument("name", nargs="?")

        def main(daemon):
            print(daemon.name, daemon.args.name)

        house.run("api", main, arguments=arguments)
    """,
        "work",
    )

    assert ended(process)[:2] == (0, "api work\n")


def test_a_daemon_with_a_parent_drains_when_the_parent_is_gone(tmp_path):
    # The parent is killed, and tells nobody.
    parent = tmp_path / "parent.py"
    child = tmp_path / "child.py"
    child.write_text("".join(map(textwrap.dedent, (HEAD, WAITS, TAIL))))
    parent.write_text(
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, {str(child)!r}, '--with-parent'],"
        " stdin=subprocess.PIPE)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(parent)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    ready(process)

    process.kill()

    # Both ends of the pipe are theirs: it closes when the child has ended, too.
    assert ended(process)[1] == "drained\n"


def test_the_log_goes_where_and_as_it_is_told(start, tmp_path):
    (tmp_path / "config.ini").write_text(
        "[log]\nfile = told.log\nterminal = no\nformat = %(levelname)s|%(message)s\n"
    )
    process = start("""
        def main(daemon):
            log.info("one\\ntwo")
    """)

    assert ended(process) == (0, "", "")
    assert (tmp_path / "told.log").read_text() == "INFO|one\\ntwo\n"


@pytest.mark.parametrize("line", ["%(nobody)s", "%(message)", "%(lineno)q"])
def test_a_form_that_no_line_can_have_is_a_wrong_setting(start, tmp_path, line):
    (tmp_path / "config.ini").write_text(f"[log]\nformat = {line}\n")

    status, _, err = ended(start("def main(daemon): raise AssertionError"))

    assert status == 2
    assert f"[log] format: {line!r} cannot be used" in err


def test_a_signal_that_somebody_takes_back_does_not_count(start):
    process = start(
        """
        asked = []

        def confirm(signals):
            asked.append(signals)
            print("asked", flush=True)
            return len(asked) > 1

        def main(daemon):
            print("ready", flush=True)
            daemon.stop.wait()

        house.run("api", main, confirm=confirm)
        """
    )
    ready(process)
    assert process.stdout
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "asked\n"

    assert ended(process)[0] == 0


def test_a_start_loads_only_what_it_uses():
    # Where psycopg is installed, peewee loads it, and that loads asyncio.
    code = (
        "import sys, master.__main__, provider.__main__, runner.__main__\n"
        "found = {'asyncio', 'requests'} & sys.modules.keys()\n"
        "import api.__main__\n"
        "sys.exit(', '.join(found | {'requests'} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
