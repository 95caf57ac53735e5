"""A weather report out of a page that tells it as JSON. It needs network = true and `url`."""

import json
import urllib.request

from postroom_script import context, output

LONGEST = 1 << 20


def main() -> None:
    """A line for each place, the coldest first."""
    with urllib.request.urlopen(context.arguments.url, timeout=20) as answer:
        told = json.loads(answer.read(LONGEST))
    places = sorted(told["places"], key=lambda place: place["degrees"])
    for place in places:
        output(f"{place['name']}: {place['degrees']:+.1f} °C, {place['sky']}")
    output.json({"day": told["day"], "coldest": places[0]["name"]})
    print("the weather of", told["day"])


main()
