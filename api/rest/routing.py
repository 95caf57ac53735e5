"""Routes, of which few are ever asked for their address."""

from collections.abc import Callable

from werkzeug.routing import Rule

Builder = Callable[..., tuple[str, str]]


class LateRule(Rule):
    """One that compiles how its address is built once that is needed: all would take 0.1 s."""

    def _compile_builder(self, append_unknown: bool = True) -> Builder:
        compile_now, compiled = super()._compile_builder, list[Builder]()

        def build(rule: Rule, /, **values: object) -> tuple[str, str]:
            if not compiled:
                compiled.append(compile_now(append_unknown))
            return compiled[0](rule, **values)

        return build
