"""Whatever is sent to the API, it answers as its document says, and never breaks."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.caller import Caller
from tests.api.document import DOCUMENT
from tests.api.scripter import Scripter
from tests.api.watcher import Watcher
from tests.long import one_in

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPERATIONS = [(method, path) for path, item in DOCUMENT.told["paths"].items() for method in item]
#: `make fuzz` asks for many more, and for other ones each time.
EXAMPLES = max(10, settings().max_examples // 10)
IS_SHORT = EXAMPLES <= 10
# Found by `make fuzz`, though the property stands within the test.
pytestmark = pytest.mark.hypothesis


def sensible_and_not(operation: Any) -> Any:
    """Requests such as the document describes, and requests that break it somewhere."""
    sensible = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if not operation.body and not list(operation.iter_parameters()):
        return sensible
    return st.one_of(sensible, operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))


@pytest.mark.parametrize(("method", "path"), one_in(6, OPERATIONS))
def test_no_request_breaks_the_api_or_its_word(api: Caller, method: str, path: str) -> None:
    api.hello()
    api.push(1, 2, 3)
    api.deliver(api.failure(4, "refused"))
    api.finish((1, 5))
    api.post("/v1/mailboxes/work/sync", {}, 202)
    watcher = Watcher(api)
    watcher.links("a.pdf", "b.pdf")
    watcher.tell(watcher.stored("a.pdf", "hello"), watcher.failed("c.pdf"))
    watcher.looked(3, digest=True)
    scripter = Scripter(api)
    scripter.script("work", overlap="allow", network=True)
    scripter.done("work", output="hello")
    scripter.run("work")
    scripter.post("/v1/scripts/work/replay", {"mails": {}}, 201)
    # What needs a token even here is tried with one.
    operation = schemathesis.openapi.from_wsgi("/openapi.json", api.app)[path][method]

    @given(case=sensible_and_not(operation))
    @settings(
        max_examples=EXAMPLES,
        derandomize=IS_SHORT,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    def every_answer_is_as_described(case: Any) -> None:
        # This client does not unpack what comes compressed.
        answer = case.call(headers={"Accept-Encoding": "identity", **scripter.admin})
        case.validate_response(answer, checks=CHECKS)

    every_answer_is_as_described()
