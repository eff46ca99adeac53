"""Streams of DynamoDB go on after a restart where they were.

Gap: what was read of a stream is saved with the account, its records are not. After a restart a stream is
numbered from 0 again, and a consumer that had read 300 records never sees the next 300.
Fix: records are saved with their tables. Where a consumer stands beyond the end of its stream all the same,
as in an account that was saved without this, it goes on at the end. Nothing is delivered before the emulator
listens, and what was being read when it stopped listening counts as not delivered: the consumers call it, and
what they could not pass on is not delivered to them again.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from local.emulator import seams

SUMMARY = "records of DynamoDB's streams are saved with the account"

_KEPT = "streams"
_INVOKED = "            result = _execute_function(func_rec, event)\n"
_LEFT = "            if not _listens():\n                continue\n"
_STORES = ("_stream_records", "_stream_trimmed", "_closed_streams")


def install() -> None:
    """Save and load what a stream is made of, and see to it that nobody reads beyond its end."""
    application = seams.module("app")
    tables = seams.module("services.dynamodb")
    functions = seams.module("services.lambda_svc")
    stores = {name: seams.original(tables, name) for name in _STORES}
    get_state: Callable[[], dict[str, Any]] = seams.original(tables, "get_state")
    load_tables: Callable[[Any], None] = seams.original(tables, "load_persisted_state")
    load_account: Callable[[], None] = seams.original(application, "_load_persisted_state")
    functions._listens = listens
    seams.recompile(functions, "_poll_dynamodb_streams", _INVOKED, _INVOKED + _LEFT)
    poll: Callable[[], bool] = seams.original(functions, "_poll_dynamodb_streams")
    listening = False

    def state_with_streams() -> dict[str, Any]:
        # After the tables: of a write in between there would be an item that nobody hears of.
        return {**get_state(), _KEPT: {name: _copied(store) for name, store in stores.items()}}

    def load_with_streams(data: Any) -> None:
        for name, kept in (data or {}).get(_KEPT, {}).items():
            stores[name].update(kept)
        load_tables(data)

    def load_and_check() -> None:
        load_account()
        positions = functions._dynamodb_stream_positions
        with functions._dynamodb_stream_positions_lock:
            for (account, region, mapping), position in positions.all_items():
                table = _table_of(functions._esms.get_scoped(account, region, mapping, {}))
                end = tables.stream_end_position(table, account_id=account, region=region)
                positions.set_scoped(account, region, mapping, min(position, end))

    def poll_when_listening() -> bool:
        nonlocal listening
        listening = listening or listens()
        return listening and poll()

    seams.replace(tables, "get_state", state_with_streams)
    seams.replace(tables, "load_persisted_state", load_with_streams)
    seams.replace(application, "_load_persisted_state", load_and_check)
    seams.replace(functions, "_poll_dynamodb_streams", poll_when_listening)


def _copied(store: Any) -> Any:
    """A copy of a store that is written while requests and consumers are served."""
    copy = type(store)()
    for (account, region, key), value in store.all_items():
        copy.set_scoped(account, region, key, list(value) if isinstance(value, list) else value)
    return copy


def listens() -> bool:
    """Whether the emulator answers on its port."""
    try:
        with socket.create_connection(("127.0.0.1", int(os.environ.get("GATEWAY_PORT", "4566"))), timeout=1):
            return True
    except OSError:
        return False


def _table_of(esm: dict[str, Any]) -> str:
    return str(esm.get("EventSourceArn", "")).split("/stream/")[0].rpartition("/")[2]
