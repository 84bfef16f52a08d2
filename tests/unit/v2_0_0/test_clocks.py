"""The ends of a connection by time: its age and silence give an `Ending`; and the drain."""

import asyncio

import pytest

from endpoint_patch.versions.v2_0_0.inserted import clocks as module
from endpoint_patch.versions.v2_0_0.inserted.clocks import Clocks, DrainWatch

LIFETIME = (1001, "websocket_connection_limit_reached")
SILENCE = (1008, "first_message_timeout")


def ending(clocks, age, *, heard=False):
    """Return the clocks' ending as (close code, the event's code), or None."""
    text = clocks.ending(age, heard=heard)
    return text and (text.code, text.event and text.event["error"]["code"])


@pytest.mark.parametrize(
    ("lifetime", "timeout", "age", "heard", "expected", "rest"),
    [
        # Nothing is due.
        (3600, 30, 0, False, None, 30),
        (3600, 30, 29.5, False, None, 0.5),
        (3600, 30, 30, True, None, 3570),
        (3600, 30, 3599.5, True, None, 0.5),
        # Each clock at its time.
        (3600, 30, 30, False, SILENCE, 0),
        (3600, 30, 3600, True, LIFETIME, 0),
        # 0 turns a clock off.
        (0, 30, 1e9, True, None, None),
        (3600, 0, 3599, False, None, 1),
        (0, 0, 1e9, False, None, None),
        # Two at once: the lifetime comes first.
        (3600, 30, 3600, False, LIFETIME, 0),
        (30, 3600, 30, False, LIFETIME, 0),
    ],
)
def test_a_connection_ends_at_its_time(lifetime, timeout, age, heard, expected, rest):
    """A connection ends at its time with one reason; until then the clocks give the time left."""
    clocks = Clocks(lifetime, timeout)
    assert ending(clocks, age, heard=heard) == expected
    assert clocks.seconds_left(age, heard=heard) == rest


@pytest.mark.parametrize("clocks", [Clocks(10, 0), Clocks(0, 10)])
def test_an_ending_is_told_in_openai_s_shape(clocks):
    """An ending's event has OpenAI's shape and status 400, which makes Codex stop, not retry."""
    event = clocks.ending(10, heard=False).event
    assert (event["type"], event["status"]) == ("error", 400)
    assert set(event["error"]) == {"type", "code", "message", "param"}


@pytest.fixture
def looks(monkeypatch):
    """Return the list of looks at the file so far; one is due every 10 ms."""
    counted = []
    file_exists = module.file_exists
    monkeypatch.setattr(module, "_LOOK_EVERY", 0.01)

    def counting(path):
        counted.append(1)
        return file_exists(path)

    monkeypatch.setattr(module, "file_exists", counting)
    return counted


async def test_no_path_is_no_drain(looks):
    """Without a path nobody looks for a file."""
    watch = DrainWatch("")
    watch.join(pytest.fail)
    await asyncio.sleep(0.05)
    watch.leave(pytest.fail)
    assert looks == []


async def test_a_drain_is_told_once_to_each_that_is_there(looks, tmp_path):
    """One look serves all connections; each is told once, even if the file goes again."""
    file, told = tmp_path / "drain", []
    watch = DrainWatch(str(file))
    drained = [lambda number=number: told.append(number) for number in range(1000)]
    for each in drained:
        watch.join(each)
    watch.leave(drained[0])
    looks.clear()
    await asyncio.sleep(0.1)
    assert 1 <= len(looks) <= 11
    assert told == []
    file.touch()
    await asyncio.sleep(0.1)
    assert sorted(told) == list(range(1, 1000))
    file.unlink()
    watch.join(drained[0])
    assert len(told) == 999
    file.touch()
    watch.join(drained[1])
    assert told[-1] == 1
    watch.leave(drained[0])


@pytest.mark.parametrize("which", [0, 1])
async def test_either_file_ends_connections(looks, tmp_path, which):
    """Both the drain file and the off file end connections."""
    files, come = [tmp_path / "drain", tmp_path / "off"], asyncio.Event()
    watch = DrainWatch(*map(str, files))
    watch.join(come.set)
    files[which].touch()
    await asyncio.wait_for(come.wait(), 5)


async def test_nobody_looks_where_nobody_is(looks, tmp_path):
    """Nobody looks while there is no connection."""
    file, told = tmp_path / "drain", []
    watch = DrainWatch(str(file))
    for _ in range(2):
        watch.join(told.append)
        watch.leave(told.append)
        looks.clear()
        await asyncio.sleep(0.05)
        assert looks == []
    come = asyncio.Event()
    watch.join(come.set)
    file.touch()
    await asyncio.wait_for(come.wait(), 5)
