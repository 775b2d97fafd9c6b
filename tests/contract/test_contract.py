"""What both tiers agree on: stubs, errors, settings, the written protocol."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from orchestrator.settings import OrchestratorSettings
from orchestrator.transports import protocol
from parley import errors
from parley.settings import SettingsError, load

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize("script", ["gen_protos.py", "gen_protocol_doc.py"])
def test_what_is_generated_is_fresh(script: str) -> None:
    result = subprocess.run([sys.executable, ROOT / "scripts" / script, "--check"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_every_message_is_in_the_written_protocol() -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import gen_protocol_doc
    finally:
        sys.path.pop(0)
    text = (ROOT / "docs" / "protocol.md").read_text()
    for name, model in gen_protocol_doc.models().items():
        assert f"<!-- {name} -->" in text
        assert f"### `{model.model_fields['type'].default}`" in text


def test_every_reason_of_the_contract_has_a_row() -> None:
    assert set(errors.reason_names()) == set(errors.TABLE)


def test_an_error_survives_its_status() -> None:
    error = errors.ParleyError("CAPACITY", "full", retry_after_ms=200, metadata={"model": "tone"})
    status = errors.to_status(error)
    failure = grpc.aio.AioRpcError(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        initial_metadata=grpc.aio.Metadata(),
        trailing_metadata=grpc.aio.Metadata(("grpc-status-details-bin", status.SerializeToString())),
        details="full",
    )
    assert errors.from_rpc(failure) == error


def test_a_status_of_nobody_we_know_gets_a_name_by_its_code() -> None:
    failure = grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), details="connect failed")
    assert errors.from_rpc(failure).reason == "WORKER_LOST"


def test_a_call_that_breaks_in_the_middle_is_a_lost_worker() -> None:
    failure = grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, grpc.aio.Metadata(), grpc.aio.Metadata(), details="Internal error from Core")
    assert errors.from_rpc(failure).reason == "WORKER_LOST"


def test_every_fatal_error_has_a_legal_close_code() -> None:
    assert all(1000 <= row.ws_close <= 1015 and row.ws_close not in (1004, 1005, 1006, 1015) for row in errors.TABLE.values())


def test_an_unknown_key_names_the_nearest_right_one(tmp_path: Path) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text("turn: {silense_ms: 300}\n")
    with pytest.raises(SettingsError, match=r"unknown key 'turn.silense_ms'; did you mean 'silence_ms'"):
        load(OrchestratorSettings, file)


def test_precedence_is_command_line_environment_file_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text("listen: 127.0.0.1:1\nturn: {silence_ms: 300, limit_ms: 1000}\n")
    monkeypatch.setenv("PARLEY_ORCHESTRATOR_TURN__SILENCE_MS", "400")
    settings = load(OrchestratorSettings, file, {"listen": "127.0.0.1:2"})
    assert (settings.listen, settings.turn.silence_ms, settings.turn.limit_ms) == ("127.0.0.1:2", 400, 1000)
    assert settings.vad == OrchestratorSettings().vad


def test_an_unknown_environment_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_ORCHESTRATOR_LISTN", "127.0.0.1:2")
    with pytest.raises(SettingsError, match="did you mean 'listen'"):
        load(OrchestratorSettings)


def test_a_value_that_does_not_fit_is_named(tmp_path: Path) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text("vad: {mode: 7}\n")
    with pytest.raises(SettingsError, match=r"vad.mode: .*got 7"):
        load(OrchestratorSettings, file)


def test_messages_come_back_from_their_json() -> None:
    for text in (
        '{"type": "ping", "nonce": "a"}',
        '{"type": "text", "text": "hi"}',
        '{"type": "playback", "utterance_id": 1, "played_ms": 2.5}',
    ):
        message = protocol.CLIENT_MESSAGE.validate_json(text)
        assert protocol.CLIENT_MESSAGE.validate_json(message.model_dump_json()) == message
