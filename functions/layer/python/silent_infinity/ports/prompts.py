"""Where prompts come from."""

from typing import Protocol


class PromptNotFoundError(LookupError):
    """There is no such prompt, here or in the store. Names template and version."""


class PromptSource(Protocol):
    """Prompt files, immutable by version."""

    def text(self, template_id: str, version: int) -> str:
        """Return the file's text.

        Raises:
            PromptNotFoundError: no such template or version can be had at the moment.
        """
        ...
