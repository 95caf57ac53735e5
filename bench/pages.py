"""How long a monitor takes for many pages on which nothing is new: `python -m bench.pages`.

A real API, master and monitor, and a web server, each a process; nothing waits between requests.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.servers import processes
from tests.servers.daemons import Daemons
from tests.servers.ports import HOST
from tests.waiting import wait_until

SECONDS = 600.0


class Pages(BaseHTTPRequestHandler):
    """/NUMBER is a page with links; everything else is its files, which never change."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    links = 0

    def do_GET(self) -> None:
        """Answer."""
        number = self.path[1:]
        if not number.isdigit():
            body = b"" if "robots" in self.path else b"x"
            kind = "text/plain"
        else:
            rows = (
                f'<li><a href="/{number}/{n}.pdf">Report {n}</a></li>' for n in range(self.links)
            )
            body, kind = f"<ul>{''.join(rows)}</ul>".encode(), "text/html"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def serve(links: int) -> None:
    """The web server's process: prints its port, serves until it is killed."""
    Pages.links = links
    server = ThreadingHTTPServer((HOST, 0), Pages)
    print(server.server_address[1], flush=True)
    server.serve_forever()


@contextmanager
def served(links: int) -> Iterator[int]:
    """Its port."""
    command = [sys.executable, "-m", "bench.pages", "--serve", "--links", str(links)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield int(process.stdout.readline() if process.stdout else "")
    finally:
        process.kill()
        process.communicate()


def known(chain: Daemons, pages: int, links: int, port: int) -> None:
    """Tell the API of all files as if they had been stored before."""
    digest = "0" * 64
    storage = json.loads((chain.folder / "store.json").read_text())["id"]
    for page in range(pages):
        urls = [f"http://{HOST}:{port}/{page}/{link}.pdf" for link in range(links)]
        items = [
            {"url": url, "outcome": "stored", "sha256": digest, "size": 1, "name": "x.pdf",
             "key": f"pages/p{page}/{digest}/{number}.pdf"}
            for number, url in enumerate(urls)
        ]  # fmt: skip
        told = {"url": f"http://{HOST}:{port}/{page}", "links": [{"url": url} for url in urls]}
        chain.post(f"/v1/pages/p{page}/links", told)
        for at in range(0, links, 200):
            body = {"storage": storage, "items": items[at : at + 200]}
            chain.post(f"/v1/pages/p{page}/files", body)
        end = {"url": told["url"], "next_look": 3600, "links": links}
        chain.post(f"/v1/pages/p{page}/looks", end)


def measure(pages: int, links: int, threads: int) -> None:
    """Print what it took."""
    with served(links) as port, tempfile.TemporaryDirectory() as place:
        section = {"pause_seconds": 0, "allow_hosts": HOST, "max_links": 50_000}
        sections: dict[str, dict[str, Any]] = {
            f"page p{number}": {"url": f"http://{HOST}:{port}/{number}", **section}
            for number in range(pages)
        }
        chain = Daemons(Path(place), {}, {**sections, "monitor": {"threads": threads}})
        with closing(chain):
            chain.start("api", "master")
            store = {"id": store_id(chain)}
            (chain.folder / "store.json").write_text(json.dumps(store))
            known(chain, pages, links, port)
            began = time.monotonic()
            monitor = chain.watch()
            wait_until(lambda: chain.log("monitor").count("no new files") >= pages, SECONDS)
            took = time.monotonic() - began
            peak = processes.peak_megabytes(monitor.pid)
    print(
        f"{pages:,} pages of {links} links, nothing new: {took:.1f} s with the start of the "
        f"monitor, {pages / took:.0f} pages/s, peak {peak:.0f} MB"
    )


def store_id(chain: Daemons) -> str:
    """What the API's --check says of the store of files."""
    (line,) = [line for line in chain.check("api") if line["name"] == "files"]
    return str(re.findall(r"[0-9a-f]+", line["detail"])[0])


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--pages", type=int, default=1_000)
    parser.add_argument("--links", type=int, default=300)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(args.links)
    else:
        measure(args.pages, args.links, args.threads)


if __name__ == "__main__":
    main()
