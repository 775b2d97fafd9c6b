"""What a person is shown, from the server's messages."""

from __future__ import annotations

from client.talk.picture import Picture, latency_line
from client.talk.views import lines_of


def test_spoken_words_follow_the_loudspeaker() -> None:
    picture = Picture()
    picture.message({"type": "response_text", "turn_id": 1, "utterance_id": 4, "text": "one two ", "final": False})
    picture.message({"type": "response_text", "turn_id": 1, "utterance_id": 4, "text": "three", "final": True})
    for begin, end, at_ms in ((0, 3, 0.0), (4, 7, 300.0), (8, 13, 600.0)):
        picture.message({"type": "mark", "utterance_id": 4, "char_begin": begin, "char_end": end, "at_ms": at_ms})
    said = picture.open
    assert said is not None
    assert said.text == "one two three"
    assert [picture.played(4, ms) for ms in (10.0, 200.0, 310.0, 900.0)] == [True, False, True, True]
    assert said.spoken_chars == 13


def test_an_interrupted_utterance_shows_what_was_heard() -> None:
    picture = Picture()
    picture.message({"type": "response_text", "turn_id": 1, "utterance_id": 1, "text": "one two three", "final": True})
    ended = {"type": "utterance_ended", "utterance_id": 1, "reason": "interrupted", "heard_text": "one two", "played_ms": 810.0}
    picture.message(ended)
    assert lines_of(ended, picture) == [("parley", "one two … [interrupted after 0.8 s]")]
    assert picture.open is None


def test_latencies_are_one_line_without_the_steps_that_did_not_happen() -> None:
    line = latency_line({"type": "latency", "turn_end_ms": 550.2, "transcript_ms": 601.0, "first_text_ms": None, "first_audio_ms": 640.4})
    assert line == "turn end 550 · transcript 601 · first audio 640 ms after the end of speech"


def test_unknown_messages_change_nothing() -> None:
    picture = Picture()
    picture.message({"type": "from_the_future", "x": 1})
    assert lines_of({"type": "from_the_future"}, picture) == []
    assert picture == Picture()
