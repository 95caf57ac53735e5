"""What robots.txt allows (RFC 9309), asked for once an hour and origin."""

from collections.abc import Callable
from urllib.robotparser import RobotFileParser

from postroom.errors import SourceError

from .answer import Answer
from .hosts import Hosts

#: Bytes; RFC 9309, 2.5.
LONGEST = 512 * 1024
#: Long pauses may be asked for, but not for ever.
LONGEST_DELAY = 60.0


class Robots:
    """For one user agent; `ask` gives the answer to a URL, whatever its status."""

    def __init__(self, agent: str, hosts: Hosts, ask: Callable[[str], Answer]) -> None:
        self._agent = agent
        self._hosts = hosts
        self._ask = ask

    def require(self, origin: str, url: str) -> None:
        """Raise SourceError where the URL is not allowed, BrokenError where nobody says."""
        if not self._rules(origin).can_fetch(self._agent, url):
            raise SourceError(
                f"{url}: the server's robots.txt does not allow it: set robots = no in its section "
                "if its owner agrees"
            )

    def delay(self, origin: str) -> float:
        """Seconds that are asked for between two requests, as far as it is known."""
        rules = self._hosts.robots(origin)
        asked = rules.crawl_delay(self._agent) if rules else None
        return min(float(asked or 0), LONGEST_DELAY)

    def _rules(self, origin: str) -> RobotFileParser:
        rules = self._hosts.robots(origin)
        if rules is None:
            rules = RobotFileParser()
            rules.parse(self._lines(f"{origin}/robots.txt"))
            self._hosts.keep_robots(origin, rules)
        return rules

    def _lines(self, url: str) -> list[str]:
        answer = self._ask(url)
        try:
            # All is allowed where there is no such file, or none for us (2.3.1.3).
            missing = 400 <= answer.status < 500 and answer.status != 429
            if missing:
                return []
            answer.require()
            return answer.beginning(LONGEST).decode("utf-8-sig", "replace").splitlines()
        finally:
            answer.response.close()
