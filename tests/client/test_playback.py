"""The jitter buffer: what is played, in which order, and how far it says it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from client.audio.playback import MOST_S, Playback

RATE_HZ = 1000  # one sample per millisecond keeps the numbers readable


def tone(samples: int, value: int = 1) -> bytes:
    return value.to_bytes(2, "little") * samples


def playback(prefill_ms: float = 40) -> Playback:
    return Playback(RATE_HZ, prefill_ms)


def test_silence_before_anything_came() -> None:
    buffer = playback()
    assert buffer.pull(20) == bytes(40)
    assert (buffer.utterance_id, buffer.played_ms, buffer.playing) == (0, 0.0, False)


def test_waits_until_the_prefill_lies_ready() -> None:
    buffer = playback()
    buffer.begin(7)
    buffer.push(tone(20))
    assert buffer.pull(20) == bytes(40)
    buffer.push(tone(20))
    assert buffer.pull(20) == tone(20)
    assert (buffer.utterance_id, buffer.played_ms) == (7, 20.0)


def test_a_short_utterance_plays_when_it_is_complete() -> None:
    buffer = playback()
    buffer.begin(1)
    buffer.push(tone(10))
    buffer.end()
    assert buffer.pull(20) == tone(10) + bytes(20)
    assert buffer.played_ms == 10.0
    assert not buffer.playing


def test_an_underrun_is_counted_and_fills_up_again() -> None:
    buffer = playback()
    buffer.begin(1)
    buffer.push(tone(40))
    assert buffer.pull(60) == tone(40) + bytes(40)
    assert buffer.underruns == 1
    buffer.push(tone(20))
    assert buffer.pull(20) == bytes(40)
    buffer.push(tone(20))
    assert buffer.pull(40) == tone(40)
    assert (buffer.underruns, buffer.played_ms) == (1, 80.0)


def test_running_dry_exactly_at_the_edge_is_no_underrun() -> None:
    buffer = playback()
    buffer.begin(1)
    buffer.push(tone(40))
    buffer.pull(40)
    buffer.push(tone(20))
    assert buffer.pull(20) == tone(20)
    assert buffer.underruns == 0


def test_flush_empties_at_once_and_keeps_the_place() -> None:
    buffer = playback()
    buffer.begin(3)
    buffer.push(tone(100))
    buffer.pull(40)
    buffer.flush()
    assert buffer.pull(20) == bytes(40)
    assert (buffer.utterance_id, buffer.played_ms, buffer.buffered_ms) == (3, 40.0, 0.0)


def test_after_a_flush_the_same_utterance_goes_on_where_it_was_cut() -> None:
    buffer = playback()
    buffer.begin(3)
    buffer.push(tone(100))
    buffer.pull(40)
    buffer.flush()
    buffer.begin(3)
    buffer.push(tone(60, value=2))
    assert buffer.pull(20) == tone(20, value=2)
    assert (buffer.utterance_id, buffer.played_ms) == (3, 60.0)


def test_the_next_utterance_follows_without_a_gap() -> None:
    buffer = playback()
    buffer.begin(1)
    buffer.push(tone(50))
    buffer.begin(2)
    buffer.push(tone(50, value=2))
    assert buffer.pull(60) == tone(50) + tone(10, value=2)
    assert (buffer.utterance_id, buffer.played_ms) == (2, 10.0)


def test_a_server_that_sends_too_far_ahead_loses_the_oldest_sound() -> None:
    buffer = playback()
    buffer.begin(1)
    extra = 500
    buffer.push(tone(extra, value=2) + tone(int(MOST_S * RATE_HZ)))
    assert buffer.buffered_ms == MOST_S * 1000
    assert buffer.pull(20) == tone(20)
    assert buffer.played_ms == extra + 20


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 70)), max_size=60))
def test_nothing_is_lost_repeated_or_reordered(steps: list[tuple[bool, int]]) -> None:
    buffer, pushed, heard = playback(), bytearray(), bytearray()
    buffer.begin(1)
    sample = 0
    for is_push, count in steps:
        if is_push:
            piece = b"".join((1 + (sample + n) % 30_000).to_bytes(2, "little") for n in range(count))
            sample += count
            pushed += piece
            buffer.push(piece)
        else:
            pcm = buffer.pull(count)
            assert len(pcm) == 2 * count
            heard += b"".join(pcm[at : at + 2] for at in range(0, len(pcm), 2) if pcm[at : at + 2] != b"\0\0")
        assert buffer.played_ms == len(heard) // 2
    assert bytes(pushed).startswith(bytes(heard))
    buffer.end()
    rest = buffer.pull(len(pushed) // 2 + 1)
    assert bytes(heard) + rest[: len(pushed) - len(heard)] == bytes(pushed)
