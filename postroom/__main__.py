"""python -m postroom COMMAND: the daemons by one name, and what looks after them."""

import os
import sys

from postroom import house

#: What each command runs, and what it is for.
COMMANDS = {
    "doctor": ("postroom.doctor", "check everything, and say what to do"),
    "status": ("postroom.status", "how sources and runs stand"),
    "config": ("postroom.config_shown", "the settings in force, without secrets"),
    "demo": ("postroom.demo", "the whole chain with sample mails and a page"),
    "api": ("api", "REST, and the only owner of the database"),
    "master": ("master", "keeps and parses what providers and monitors bring"),
    "provider": ("provider", "reads mailboxes"),
    "monitor": ("monitor", "watches pages for new files"),
    "runner": ("runner", "runs scripts"),
}


def main() -> None:
    """Become the program that the first word names; without one, list them."""
    word, rest = (sys.argv[1:2] or [""])[0], sys.argv[2:]
    if word in COMMANDS:
        command = [*house.command(COMMANDS[word][0]), *rest]
        sys.stdout.flush()
        # The same process: signals and its id are the program's own.
        os.execv(command[0], command)  # noqa: S606 - our own modules, by this very interpreter
    is_help = word in ("", "-h", "--help")
    out = sys.stdout if is_help else sys.stderr
    if not is_help:
        out.write(f"postroom: there is no command {word!r}\n")
    out.write("usage: python -m postroom COMMAND [OPTION ...]\n\n")
    out.writelines(f"  {name:9} {about}\n" for name, (_, about) in COMMANDS.items())
    sys.exit(0 if is_help else 2)


if __name__ == "__main__":
    main()
