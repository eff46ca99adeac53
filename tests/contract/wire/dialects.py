"""Every provider in both of its forms."""

from tests.contract.wire.chat import Chat
from tests.contract.wire.converse import Converse
from tests.contract.wire.dialect import Dialect
from tests.contract.wire.messages import Messages

DIALECTS: tuple[Dialect, ...] = (
    Converse(stream=True),
    Converse(stream=False),
    Messages(stream=True),
    Messages(stream=False),
    Chat(stream=True),
    Chat(stream=False),
)
