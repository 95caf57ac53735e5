"""What waits beside sockets is woken by the stop event."""

import select
import threading

from provider.sources import wake


def test_a_stop_event_wakes_all_who_poll_for_it():
    stop = threading.Event()
    waiting = select.poll()
    waiting.register(wake.fileno(stop), select.POLLIN)
    assert wake.fileno(stop) == wake.fileno(stop)
    assert not waiting.poll(0)

    stop.set()

    assert waiting.poll(10_000)
    assert waiting.poll(10_000), "it stays so for those who come later"


def test_each_event_wakes_its_own():
    one, other = threading.Event(), threading.Event()
    waiting = select.poll()
    waiting.register(wake.fileno(one), select.POLLIN)

    other.set()
    wake.fileno(other)

    assert not waiting.poll(0)
    one.set()
