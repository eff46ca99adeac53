"""What schemathesis is told to do with requests and answers. It runs in the environment of its own tool.

Requests that are well made would mostly end at a session, a variant or a version that is not there. So what
answers tell is remembered, and every second good request asks for that.
"""

import itertools
import uuid

import schemathesis
from schemathesis import Case, GenerationMode, HookContext, Response

KEY, VERSION = "Idempotency-Key", "If-Match"
_turns = itertools.count()
_versions: dict[tuple[str, str], str] = {("GHOST_CHAR_STYLE", "dots"): '"1"'}
_sessions: list[str] = []


def before_call(context: HookContext, case: Case, kwargs: dict[str, object]) -> None:
    """Send a fresh key with every good request, and let every second be about something that there is.

    Generated keys are short and come again, and what follows a key that was used is not reached.
    """
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    if KEY in case.headers:
        case.headers[KEY] = f"fuzz-{uuid.uuid4().hex}"
    turn = next(_turns)
    # In the stateful phase what is asked about comes from links.
    if turn % 2 or case.meta.phase.name == "stateful":
        return
    if "variant_id" in case.path_parameters:
        known = sorted(_versions)[turn // 2 % len(_versions)]
        case.path_parameters["category"], case.path_parameters["variant_id"] = known
        if VERSION in case.headers:
            case.headers[VERSION] = _versions[known]
    if _sessions and "session_id" in case.path_parameters:
        # The oldest first, so that one that is deleted was read before.
        case.path_parameters["session_id"] = _sessions.pop(0) if case.method == "DELETE" else _sessions[-1]
    if _sessions and isinstance(case.body, dict) and "session_id" in case.body:
        case.body["session_id"] = _sessions[-1]


def after_call(context: HookContext, case: Case, response: Response) -> None:
    """Remember sessions that were opened, and variants that were made or changed."""
    if response.status_code not in (200, 201, 202):
        return
    if case.operation.path == "/v1/turns":
        session = response.json()["session_id"]
        if session not in _sessions:
            _sessions.append(session)
    elif "etag" in response.headers and case.operation.path.startswith("/admin/"):
        body = response.json()
        variant = body.get("variant", body)
        _versions[variant["category"], variant["variant_id"]] = response.headers["etag"][0]


schemathesis.hook(before_call)
schemathesis.hook(after_call)
