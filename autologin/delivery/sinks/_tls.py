"""The keys `client_cert`, `client_key` and `ca_cert` of a sink that speaks TLS, and its errors."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from autologin.errors import ConfigError, Problem

PEM = "It must be a file in PEM format, which starts with -----BEGIN."


class _LockedError(Exception):
    """A key that asks for a passphrase."""


@dataclass(frozen=True)
class TlsFiles:
    """What the sink of this name proves itself with, and whom it trusts.

    None: with nothing; the public CAs.
    """

    sink: str
    client_cert: str | None = None
    client_key: str | None = None
    ca_cert: str | None = None

    def context(self) -> ssl.SSLContext:
        """The rules of a connection.

        Raises:
            ConfigError: a file cannot be read, or does not hold what it should.
        """
        context = self._trusted_context()
        if self.client_cert and self.client_key:
            self._load_ca(
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "client_cert", self.client_cert
            )  # is there a certificate?
            self._load_client_cert(context, self.client_cert, self.client_key)
        return context

    def _trusted_context(self) -> ssl.SSLContext:
        if self.ca_cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._load_ca(context, "ca_cert", self.ca_cert)
            return context
        import httpx  # noqa: PLC0415  (100 ms that only a delivery needs)

        return httpx.create_ssl_context(trust_env=False)

    def _load_ca(self, context: ssl.SSLContext, key: str, path: str) -> None:
        self._check_readable(key, path)
        try:
            context.load_verify_locations(path)
        except ssl.SSLError:
            raise self._problem(key, "holds no certificate", PEM) from None

    def _load_client_cert(self, context: ssl.SSLContext, cert: str, key: str) -> None:
        self._check_readable("client_key", key)
        try:
            context.load_cert_chain(cert, key, password=_refuse_passphrase)
        except _LockedError:
            hint = "Write the key without one, into a file that others cannot read."
            raise self._problem("client_key", "needs a passphrase", hint) from None
        except ssl.SSLError as error:
            if "MISMATCH" in str(error):
                raise self._problem(
                    "client_key",
                    "is not the key of client_cert",
                    "Name the two that were made together.",
                ) from None
            raise self._problem("client_key", "holds no private key", PEM) from None

    def _check_readable(self, key: str, path: str) -> None:
        try:
            Path(path).open("rb").close()
        except OSError as error:
            detail = f"the file {path} cannot be read ({error.strerror})"
            raise self._problem(
                key, detail, "Correct the path, or let the user that runs autologin read it."
            ) from None

    def _problem(self, key: str, detail: str, hint: str) -> ConfigError:
        return ConfigError(Problem(f"sinks.{self.sink}.{key}", detail, hint))


def explain(error: BaseException) -> tuple[str, str] | None:
    """What went wrong in TLS below an error, and its fix; None where TLS was not what failed."""
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, ssl.SSLCertVerificationError):
            detail = f"its certificate is not trusted: {below.verify_message.rstrip('.')}"
            return detail, "Name the CA that signed it in `ca_cert`, or correct its certificate."
        if isinstance(below, ssl.SSLError) and "ALERT" in (below.reason or ""):
            alert = below.reason.rpartition("ALERT_")[2].replace("_", " ").lower()
            hint = (
                "Where it wants a certificate of yours, set `client_cert` and `client_key` to one "
                "that it knows."
            )
            return f"it refused the connection: {alert}", hint
        below = below.__cause__ or below.__context__
    return None


def _refuse_passphrase() -> str:
    raise _LockedError
