"""Connections to our own HTTP servers: how many there may be, and for how long each may dawdle.

Whoever can reach the port can open connections, so none of them may cost what a login needs: files
and time. A client that lets us wait is cut off at its deadline, or at once where others want in.
"""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from autologin.log import event

MOST = 64
"""Connections that a server needs at most: probes, a scraper, some browsers."""
LEAST = 4
FILES = 4096
"""More would make programs slow that we start and that close all they might have open."""
SHARE = 4
"""One in so many of the process's files may be a connection."""
AFTER_ANSWER = 65536
"""Bytes of a request that are still read once it has been answered."""
NO_FILE_PAUSE = 1.0
"""Seconds until connections are accepted again after the process ran out of files."""
TELL_EVERY = 60.0
"""Seconds between two log lines about crowds."""


def most_connections(most: int = MOST) -> int:
    """How many connections leave a login what it needs of the process's files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most if files == resource.RLIM_INFINITY else max(LEAST, min(most, files // SHARE))


def raise_file_limit() -> None:
    """Let this process open as many files as it may, up to what a service could need."""
    files, may = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if may == resource.RLIM_INFINITY else min(FILES, may)
    if files != resource.RLIM_INFINITY and files < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, may))


@dataclass(frozen=True)
class Patience:
    """Seconds that a client may take in all, however much trickles in meanwhile."""

    head: float = 10.0
    """For a request's headers, from the connection's beginning or the last answer."""
    body: float = 10.0
    answer: float = 60.0
    """For the making of the answer; and as long again until it is taken."""


class Connection(H11Protocol):
    """uvicorn's connection with a deadline for whatever it waits for."""

    owner: Listener
    _phase: tuple[int, str] = (0, "")
    _timer: asyncio.TimerHandle | None = None
    _surplus = 0
    since = 0.0
    """When it began to wait for what it waits for now."""

    @property
    def waits_for_client(self) -> bool:
        """Whether nothing is to be done here before the client does something."""
        return self._phase[1] != "answer" or self.flow.write_paused

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """It begins."""
        super().connection_made(transport)
        self.owner.connections.add(self)
        self._note_phase()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        if self._timer:
            self._timer.cancel()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self.owner.connections.discard(self)
        self.owner.resume()

    def data_received(self, data: bytes) -> None:
        """Something arrives."""
        if self._answered_early():
            self._surplus += len(data)
            if self._surplus > AFTER_ANSWER:
                self.transport.abort()
                return
        super().data_received(data)
        self._note_phase()

    def handle_events(self) -> None:
        """Act on what has arrived; bytes that fit no answer end the connection."""
        try:
            super().handle_events()
        except h11.LocalProtocolError:  # what uvicorn would answer is no answer at this point
            self.transport.abort()

    def on_response_complete(self) -> None:
        """The answer has been handed over."""
        super().on_response_complete()
        self._note_phase()

    def _answered_early(self) -> bool:
        """Whether a request has been answered before all of it was there."""
        done = self.cycle is not None and self.cycle.response_complete
        return done and self.conn.their_state is h11.SEND_BODY

    def _note_phase(self) -> None:
        """Start the clock anew where something else is waited for than before."""
        patience = self.owner.patience
        if self.conn.their_state is h11.SEND_BODY:
            phase, seconds = "body", patience.body
        elif self.cycle is not None and not self.cycle.response_complete:
            phase, seconds = "answer", patience.answer
        elif self.transport.get_write_buffer_size():
            phase, seconds = "taking", patience.answer
        else:
            phase, seconds = "head", patience.head
        if (key := (id(self.cycle), phase)) == self._phase:
            return
        self._phase, self._surplus, self.since = key, 0, self.loop.time()
        if self._timer:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, self.transport.abort)


class Listener:
    """Accepts connections at a socket, never more than so many at once.

    asyncio's own server accepts until the process has no file left, and then writes a traceback for
    each connection that waits.
    """

    def __init__(
        self,
        listening: socket.socket,
        make: Callable[[], Connection],
        *,
        patience: Patience,
        most: int,
    ) -> None:
        self.connections: set[Connection] = set()
        self.patience = patience
        self._most = most
        self._socket = listening
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[Any]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._told = -TELL_EVERY
        self._listening = False
        listening.settimeout(0)
        listening.listen(128)
        self.resume()

    def resume(self) -> None:
        """Accept connections, unless it does or is closed."""
        if self._pause is None and not self._listening and self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket, self._accept)
            self._listening = True

    def close(self) -> None:
        """Accept no more, and cut what is open."""
        if self._pause:
            self._pause.cancel()
        self._stop_listening()
        self._socket.close()
        for connection in list(self.connections):
            connection.transport.abort()

    def _stop_listening(self) -> None:
        if self._listening:
            self._loop.remove_reader(self._socket)
            self._listening = False

    def _accept(self) -> None:
        """Accept one, so that a crowd does not keep the event loop from a login."""
        if len(self.connections) + len(self._opening) >= self._most and not self._make_room():
            self._stop_listening()  # until one of them ends
            return
        try:
            accepted, _ = self._socket.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:  # no file or no memory is left
            self._tell(error.strerror or type(error).__name__)
            self._make_room()
            self._stop_listening()
            self._pause = self._loop.call_later(NO_FILE_PAUSE, self._end_pause)
            return
        accepted.settimeout(0)
        opening = asyncio.ensure_future(self._open(accepted))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    async def _open(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make, accepted)
        except OSError:  # it has gone already
            accepted.close()
            self.resume()

    def _end_pause(self) -> None:
        self._pause = None
        self.resume()

    def _make_room(self) -> bool:
        """Cut the connection that has let us wait longest; gives whether there was one."""
        waiting = [one for one in self.connections if one.waits_for_client]
        if not waiting:
            return False
        self._tell(f"{len(self.connections)} connections are open")
        longest = min(waiting, key=lambda one: one.since)
        self.connections.discard(longest)
        longest.transport.abort()
        return True

    def _tell(self, why: str) -> None:
        now = self._loop.time()
        if now - self._told >= TELL_EVERY:
            self._told = now
            detail = f"{why}; those that wait longest are closed for new ones"
            event("http_crowded", level="WARNING", message=detail)
