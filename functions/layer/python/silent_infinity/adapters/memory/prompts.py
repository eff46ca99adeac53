"""Prompts in memory."""

from collections.abc import Mapping

from silent_infinity.ports.prompts import PromptNotFoundError


class MemoryPrompts:
    """A `PromptSource` over a mapping of (template id, version) to the file's text."""

    def __init__(self, texts: Mapping[tuple[str, int], str]) -> None:
        self._texts = dict(texts)

    def text(self, template_id: str, version: int) -> str:
        try:
            return self._texts[template_id, version]
        except KeyError:
            raise PromptNotFoundError(f"{template_id} version {version}") from None
