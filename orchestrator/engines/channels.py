"""gRPC channels to one worker, shared by its sessions: each its own connection, some sixty sessions on each.

A channel is leased, and closed when the pool is retired (the worker went away: its next life gets fresh connections, without the old
ones' reconnect back-off) and its last lease has been given back.
"""

from __future__ import annotations

from typing import Any, Final

import grpc

SESSIONS_PER_CHANNEL: Final = 60
MAX_MESSAGE_BYTES: Final = 1 << 20

# A receive window of 16 KiB (0.16 s of audio): gRPC must not be the audio buffer, and dead audio must not have to be read after a STOP.
# Keepalive notices a dead host in 2.5 s, but only together with ping_timeout_ms (60 s otherwise).
OPTIONS: Final[tuple[tuple[str, Any], ...]] = (
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 16_384),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.keepalive_time_ms", 2_000),
    ("grpc.keepalive_timeout_ms", 1_000),
    ("grpc.http2.ping_timeout_ms", 1_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
)


def open_channel(address: str) -> grpc.aio.Channel:
    """A channel to a worker; whoever opens it closes it."""
    return grpc.aio.insecure_channel(address, options=OPTIONS)


class Lease:
    """The right to use a channel until `release`."""

    __slots__ = ("channel", "sessions")

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.sessions = 0


class ChannelPool:
    """The channels to one worker."""

    def __init__(self, address: str, sessions_per_channel: int = SESSIONS_PER_CHANNEL) -> None:
        self.address = address
        self._limit = sessions_per_channel
        self._open: list[Lease] = []
        self._retired: list[Lease] = []

    def acquire(self) -> Lease:
        """The channel with the fewest sessions; a new one when all are full."""
        lease = min((lease for lease in self._open if lease.sessions < self._limit), key=lambda lease: lease.sessions, default=None)
        if lease is None:
            lease = Lease(open_channel(self.address))
            self._open.append(lease)
        lease.sessions += 1
        return lease

    def release(self, lease: Lease) -> None:
        lease.sessions -= 1

    def retire(self) -> None:
        """Give no present channel to anyone anew."""
        self._retired += self._open
        self._open = []

    async def sweep(self) -> None:
        """Close retired channels that nobody uses any more."""
        idle = [lease for lease in self._retired if not lease.sessions]
        self._retired = [lease for lease in self._retired if lease.sessions]
        for lease in idle:
            await lease.channel.close(None)

    async def close(self) -> None:
        """Close all; streams that are still open end."""
        self.retire()
        retired, self._retired = self._retired, []
        for lease in retired:
            await lease.channel.close(None)

    def __len__(self) -> int:
        return len(self._open) + len(self._retired)
