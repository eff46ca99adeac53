"""Consumers of a stream go on after a restart where they were."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.emulator_process import Emulator, free_port, start

TABLE = "turns"
READER = """
import os, pathlib, time, urllib.error, urllib.request

def handler(event, context):
    pathlib.Path(os.environ["HOME_OF_TEST"], "began").touch()
    if os.path.exists(os.environ["HOME_OF_TEST"] + "/broken"):
        raise RuntimeError("broken")
    if os.path.exists(os.environ["HOME_OF_TEST"] + "/slow"):
        time.sleep(1)
    try:
        urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/_ministack/health", timeout=5).close()
    except urllib.error.URLError:
        return  # as a function that reports what it could not pass on: the emulator does not listen to that
    for record in event["Records"]:
        print("read", record["dynamodb"]["NewImage"]["pk"]["S"])
"""
SLEEPER = """
import time

def handler(event, context):
    time.sleep(2)
"""
Restart = Callable[..., Emulator]


@pytest.fixture
def restart(tmp_path: Path) -> Iterator[Restart]:
    """Ends the emulator that runs, if one does, and starts it again with what it had kept."""
    port = free_port()
    running: list[Emulator] = []

    def again(off: str = "", meanwhile: Callable[[], None] = lambda: None) -> Emulator:
        while running:
            running.pop().stop()
        meanwhile()
        running.append(start(tmp_path, port=port, PERSIST_STATE="1", SILENT_INFINITY_COMPLETIONS_OFF=off))
        return running[0]

    yield again
    while running:
        running.pop().stop()


def consumed(emulator: Emulator) -> str:
    """Make a table whose stream a function reads; gives the mapping's id."""
    made = emulator.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    emulator.function(
        "reader", READER, Environment={"Variables": {"HOME_OF_TEST": str(emulator.log_file.parent)}}
    )
    mapping = emulator.client("lambda").create_event_source_mapping(
        FunctionName="reader",
        EventSourceArn=made["TableDescription"]["LatestStreamArn"],
        StartingPosition="TRIM_HORIZON",
    )
    return str(mapping["UUID"])


def put(emulator: Emulator, *names: str) -> None:
    """Write items, one after another."""
    for name in names:
        emulator.client("dynamodb").put_item(TableName=TABLE, Item={"pk": {"S": name}})


def wait_for(path: Path) -> None:
    """Wait until a file is there (at most 5 s)."""
    deadline = time.monotonic() + 5
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def read(emulator: Emulator, until: str) -> list[str]:
    """What the function has read of the stream, as soon as it has read ``until``."""
    lines = emulator.wait_for_logs("reader", f"read {until}")
    return [line.removeprefix("read ") for line in lines if line.startswith("read ")]


def sequence_numbers(emulator: Emulator) -> list[str]:
    """Of all records that a new reader of the stream finds."""
    streams = emulator.client("dynamodbstreams")
    arn = streams.list_streams(TableName=TABLE)["Streams"][0]["StreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    records: list[Any] = streams.get_records(ShardIterator=iterator)["Records"]
    return [record["dynamodb"]["SequenceNumber"] for record in records]


def test_the_bare_emulator_skips_as_many_records_as_were_read(restart: Restart) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    emulator = restart(off="all")
    consumed(emulator)
    put(emulator, "a", "b")
    read(emulator, until="b")
    emulator = restart(off="all")
    put(emulator, "c", "d", "e")

    assert not {"c", "d"} & set(read(emulator, until="e"))


def test_what_comes_after_a_restart_is_read_once_and_nothing_twice(restart: Restart) -> None:
    """Turns of the second day reach the lake and the sentinel as those of the first did."""
    emulator = restart()
    consumed(emulator)
    put(emulator, "a", "b")
    read(emulator, until="b")
    before = sequence_numbers(emulator)
    emulator = restart()
    put(emulator, "c", "d", "e")

    assert read(emulator, until="e") == ["a", "b", "c", "d", "e"]
    assert sequence_numbers(emulator)[:2] == before
    assert sequence_numbers(emulator) == sorted(sequence_numbers(emulator))


def test_what_was_not_read_before_a_restart_is_read_after_it(restart: Restart) -> None:
    """A stop in the middle of a simulation loses nothing."""
    emulator = restart()
    mapping = consumed(emulator)
    put(emulator, "a", "b")
    read(emulator, until="b")
    emulator.client("lambda").update_event_source_mapping(UUID=mapping, Enabled=False)
    put(emulator, "c")
    emulator = restart()
    emulator.client("lambda").update_event_source_mapping(UUID=mapping, Enabled=True)
    put(emulator, "d")

    assert read(emulator, until="d") == ["a", "b", "c", "d"]


def test_what_failed_before_a_restart_is_read_as_soon_as_the_emulator_listens(
    restart: Restart, tmp_path: Path
) -> None:
    """Nobody has to write anything first; read sooner, it would be lost to a function that calls others."""
    emulator = restart()
    consumed(emulator)
    (tmp_path / "broken").touch()
    put(emulator, "a", "b")

    def repair() -> None:
        (tmp_path / "broken").unlink()
        # An account that takes two seconds to load: the poller begins long before the emulator listens.
        (tmp_path / "state" / "waf.json").write_text(f'{{"much": [{", ".join(["{}"] * 3_000_000)}]}}')

    emulator = restart(meanwhile=repair)

    assert read(emulator, until="b") == ["a", "b"]


def test_what_was_being_read_at_the_stop_is_read_again(restart: Restart, tmp_path: Path) -> None:
    """A function that can no longer call the emulator passes nothing on, and does not fail by that."""
    emulator = restart()
    consumed(emulator)
    emulator.function("sleeper", SLEEPER)
    (tmp_path / "slow").touch()
    put(emulator, "a")
    wait_for(tmp_path / "began")
    # A request that is answered late keeps the process up for longer than the reader takes.
    asked = threading.Thread(target=lambda: emulator.client("lambda").invoke(FunctionName="sleeper"))
    asked.start()
    time.sleep(0.2)
    emulator = restart(meanwhile=(tmp_path / "slow").unlink)
    asked.join()

    assert read(emulator, until="a") == ["a"]


def test_an_account_that_was_kept_without_its_streams_skips_nothing(restart: Restart) -> None:
    """Accounts from before this are there, with consumers that stand beyond the end of their stream."""
    emulator = restart(off="kept_streams")
    consumed(emulator)
    put(emulator, "a", "b")
    read(emulator, until="b")
    emulator = restart()
    put(emulator, "c", "d", "e")

    assert read(emulator, until="e") == ["a", "b", "c", "d", "e"]
