"""The front over real gRPC, with the tone engine in its own process."""

from __future__ import annotations

from parley.audio import FRAME_BYTES
from parley.v1 import audio_pb2, tts_pb2


async def test_a_trivial_client_sends_text_and_reads_pcm(front) -> None:
    name = await front.start()
    call = front.stub.Synthesize()
    await call.write(tts_pb2.TextChunk(session_id=name, text="Hello there, you.", end_of_utterance=True))
    await call.done_writing()
    pcm = b"".join([message.pcm async for message in call])
    assert pcm
    assert len(pcm) % FRAME_BYTES == 0


async def test_stop_is_acked_with_the_last_frame_and_nothing_of_its_epoch_follows(front) -> None:
    async with front.stream(max_frames_per_message=5) as client:
        await client.send("A long sentence that goes on and on until somebody says stop.", end_of_utterance=True)
        await client.until(lambda m: bool(m.pcm))
        await client.send(control=audio_pb2.Control(control_id=1, verb=audio_pb2.CONTROL_VERB_STOP))
        await client.send("Next.", epoch=2, end_of_utterance=True)
        ack = (await client.until(lambda m: m.event.HasField("ack"))).event.ack
        assert ack.applied
        assert ack.epoch == 1
        sent = [m for m in client.messages if m.pcm]
        assert ack.last_seq == sent[-1].seq + sent[-1].frame_count - 1
        await client.done(2)
        after = [m for m in client.messages[client.messages.index(sent[-1]) + 1 :] if m.pcm]
        assert {m.epoch for m in after} == {2}
        assert after[0].seq == ack.last_seq + 1
