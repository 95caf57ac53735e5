"""The command line of bubblewrap: a root of its own, with nothing of this machine but programs."""

import os
from collections.abc import Iterator
from pathlib import Path

from .view import INSIDE, Owner, View

#: Of memory that files in /tmp and /dev/shm take, each.
_TMP_BYTES = 64 << 20
_LINKS = ("/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin")
#: What programs look up that load libraries or tell the time; nothing about this machine.
_ALWAYS = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime")
_NETWORK = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/services",
    "/etc/ssl",
    "/etc/ca-certificates",
    "/etc/pki",
    "/etc/crypto-policies",
)
_NOBODY = "65534"


def prefix(view: View, python: Path, owner: Owner | None) -> list[str]:
    """What stands before the interpreter's own command line.

    A runner that is root hands over to `owner` first: the kernel counts no processes of root. As
    that user may not be able to reach what the view consists of (a Python below /root, a data
    folder of mode 0700), an outer bubblewrap shows it under /tmp, and the inner one takes it
    from there.
    """
    binds = list(_binds(view, python))
    outer: list[str] = []
    if owner:
        outer = ["bwrap", "--die-with-parent", "--dev-bind", "/", "/", "--tmpfs", "/tmp"]  # noqa: S108
        for number, (how, source, _) in enumerate(binds):
            outer += [how, source, f"/tmp/{number}"]  # noqa: S108
        binds = [(how, f"/tmp/{n}", seen) for n, (how, _, seen) in enumerate(binds)]  # noqa: S108
        outer += ["--", "setpriv", "--reuid", str(owner.uid), "--regid", str(owner.gid)]
        outer += ["--clear-groups", "--pdeathsig", "KILL", "--no-new-privs", "--"]
    return [*outer, *_inner(view, binds)]


def _binds(view: View, python: Path) -> Iterator[tuple[str, str, str]]:
    for how, source, seen in (
        ("--ro-bind", INSIDE, "/job/lib"),
        ("--ro-bind", view.told, "/job/in"),
        ("--bind", view.work, "/job/work"),
        ("--bind", view.output, "/job/output"),
    ):
        yield how, os.path.realpath(source), seen
    if not python.is_relative_to("/usr"):
        # Only what it needs: its home may be a user's.
        yield "--ro-bind", str(python), str(python)
        for library in (python.parent.parent / name for name in ("lib", "lib64")):
            if library.is_dir():
                yield "--ro-bind", str(library), str(library)
    if view.environment:
        # By the path that its programs have it by.
        yield "--ro-bind", str(view.environment), str(view.environment)


def _inner(view: View, binds: list[tuple[str, str, str]]) -> list[str]:
    line = ["bwrap", "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent"]
    line += ["--new-session", "--uid", _NOBODY, "--gid", _NOBODY, "--hostname", "job"]
    line += ["--cap-drop", "ALL", "--ro-bind", "/usr", "/usr"]
    for name in _LINKS:
        if os.path.islink(name):
            line += ["--symlink", os.readlink(name), name]
        elif os.path.exists(name):
            line += ["--ro-bind", name, name]
    shown = [*_ALWAYS, *(_network() if view.network else ())]
    for path in shown:
        line += ["--ro-bind-try", path, path]
    if view.network:
        line.append("--share-net")
    line += ["--proc", "/proc", "--dev", "/dev"]
    for folder in ("/dev/shm", "/tmp"):  # noqa: S108 - inside they are its own
        line += ["--size", str(_TMP_BYTES), "--tmpfs", folder]
    for how, source, seen in binds:
        line += [how, source, seen]
    # What is left of the root and of /dev lies in memory, and has no limit of its own.
    return [*line, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/job/work", "--"]


def _network() -> list[str]:
    own = os.environ.get("SSL_CERT_FILE", "")
    return [*_NETWORK, *([own] if own else [])]
