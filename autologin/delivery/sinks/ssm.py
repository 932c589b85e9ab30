"""The SSM sink: the token in AWS Systems Manager's Parameter Store.

    aws: {type: ssm, prefix: "/stock-pipeline/{broker}", region: ap-south-1}

    <prefix>/access_token    SecureString
    <prefix>/refresh_token   SecureString, where the broker gave one
    <prefix>/client_id       SecureString, the app's key, where the token has it
    <prefix>/metadata        String, JSON: account, broker, user_id, issued_at, expires_at,
                             access_token_version

Metadata is written last. `access_token_version` is the version of the access token that it belongs
to: a consumer that reads another version of the token reads both again. A value above 4 KB goes
into the advanced tier, which AWS charges for. A parameter that is gone is written again, but for
`redeliver: false`; a version that somebody else has put is left alone.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, PrivateAttr

from autologin import aws
from autologin.delivery.sinks.base import HoldingConfig, Receipt
from autologin.errors import DeliveryFailed
from autologin.message import Message
from autologin.problems import did_you_mean, refuse
from autologin.proxies import Ways
from autologin.secret_refs import RefContext

PLACEHOLDERS = ("account", "broker")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
APP_KEYS = ("client_id", "api_key")
"""What the brokers' SDKs call the app's key, in the order in which they are looked for."""
STANDARD = 4096
ADVANCED = 8192
"""Bytes of a value, at most, in each tier."""
PROBE = "autologin-check"
IN_ORDER = "older than metadata"
"""The mark of what was written before the metadata, as it always is."""
RESERVED = re.compile(r"/(aws|ssm)", re.IGNORECASE)


def _check_prefix(text: str) -> str:
    for name in PLACEHOLDER.findall(text):
        if name not in PLACEHOLDERS:
            refuse(f"{{{name}}} is not a known placeholder", did_you_mean(name, PLACEHOLDERS))
    if not re.fullmatch(
        r"(/[A-Za-z0-9_.-]+)+", PLACEHOLDER.sub("x", text.rstrip("/"))
    ) or RESERVED.match(text):
        hint = (
            "It starts with /, holds letters, digits, '_', '.', '-' and '/', and not /aws or "
            "/ssm at its start."
        )
        refuse("is not a parameter path", f'Such as "/stock-pipeline/{{broker}}". {hint}')
    return text.rstrip("/")


def _check_endpoint(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        refuse("is not a valid URL", "Write it as https://host; leave it out for AWS itself.")
    return text


class Config(HoldingConfig):
    """The keys of an SSM sink.

    Without `kms_key_id` the account's own key for SSM encrypts the values.
    """

    place_key: ClassVar[str] = "prefix"
    in_parts: ClassVar[bool] = True

    type: Literal["ssm"]
    prefix: Annotated[str, AfterValidator(_check_prefix)]
    region: str | None = None
    kms_key_id: str | None = None
    endpoint_url: Annotated[str, AfterValidator(_check_endpoint)] | None = None

    _accounts: Mapping[str, str] = PrivateAttr(default_factory=dict)

    def build(self, name: str, place: RefContext) -> SsmSink:
        """The sink that this config describes."""
        return SsmSink(
            name,
            self,
            place.ways(),
            {_fill(self.prefix, account, broker) for account, broker in self._accounts.items()},
        )

    def with_accounts(self, accounts: Mapping[str, str]) -> Self:
        """This config, for its accounts and their brokers: the check asks for each one's prefix."""
        known = self.model_copy()
        known._accounts = accounts  # noqa: SLF001  (its own)
        return known

    def target(self, account: str, broker: str) -> str | None:
        """Where the parameters of this account are."""
        prefix = _fill(self.prefix, account, broker)
        return f"ssm:{self.region or ''}:{self.endpoint_url or ''}:{prefix}"


class SsmSink:
    """Puts each token into its parameters."""

    def __init__(self, name: str, config: Config, ways: Ways, prefixes: set[str]) -> None:
        self.name = name
        self._ways = ways
        self._config = config
        self._prefixes = prefixes
        self._boto: Any = None
        # A delivery that timed out may still be writing; the next one to that prefix waits for it.
        self._locks: defaultdict[str, Lock] = defaultdict(Lock)

    @property
    def way_out(self) -> str:
        """By which way AWS is asked, in words; "" before it was asked."""
        return self._ways.describe(self._boto.meta.endpoint_url) if self._boto else ""

    async def check(self) -> None:
        """Ask AWS to write a value that does not fit its own pattern, so that nothing is written.

        Raises:
            DeliveryFailed: a token could not be written.
        """
        await asyncio.to_thread(self._check)

    async def deliver(self, message: Message) -> Receipt:
        """Put the token into its parameters, metadata last; the receipt has their versions.

        Raises:
            DeliveryFailed: not all of them were written.
        """
        return await asyncio.to_thread(self._deliver, message)

    async def look(self, message: Message) -> Receipt:
        """The versions that the token's parameters have now.

        No value is decrypted: that needs no right on the key.

        Raises:
            DeliveryFailed: AWS does not tell.
        """
        return await asyncio.to_thread(self._look, message)

    async def close(self) -> None:
        """Close the connections."""
        if self._boto:
            await asyncio.to_thread(self._boto.close)

    def _check(self) -> None:
        for prefix in sorted(self._prefixes):
            with self._translate_errors():
                self._probe(f"{prefix}/{PROBE}")

    def _probe(self, name: str) -> None:
        try:
            self._put(name, "x", AllowedPattern="^never$")
        except aws.AwsError as error:
            if error.code != "ParameterPatternMismatchException":
                raise
        else:  # a server that is not AWS, and did write it
            with suppress(aws.AwsError), aws.in_words():
                self._client().delete_parameter(Name=name)

    def _deliver(self, message: Message) -> Receipt:
        prefix = self._prefix(message)
        data = message.data
        with self._translate_errors(), self._locks[prefix]:
            version = self._put(f"{prefix}/access_token", data["access_token"])
            versions = {"access_token": version}
            for name, value in _other_values(data).items():
                versions[name] = self._put(f"{prefix}/{name}", value)
            about = {
                key: data[key]
                for key in ("account", "broker", "user_id", "issued_at", "expires_at")
            }
            metadata = json.dumps(about | {"access_token_version": version})
            versions["metadata"] = self._put(f"{prefix}/metadata", metadata, Type="String")
        marks = {name: [f"version {number}", IN_ORDER] for name, number in versions.items()}
        marks["metadata"][1] = metadata
        return self._receipt(prefix, marks)

    def _look(self, message: Message) -> Receipt:
        prefix = self._prefix(message)
        names = ["access_token", *_other_values(message.data), "metadata"]
        with self._translate_errors(), self._locks[prefix]:
            answers = {name: self._get_parameter(f"{prefix}/{name}") for name in names}
        found = {name: answer for name, answer in answers.items() if answer}
        return self._receipt(prefix, _marks(found))

    def _get_parameter(self, name: str) -> Mapping[str, Any] | None:
        """A parameter as AWS has it, its value not decrypted; None where there is none."""
        client = self._client()
        arn = f"arn:aws:ssm:{client.meta.region_name}:*:parameter{name}"
        try:
            with aws.in_words("ssm:GetParameter", arn):
                answer = client.get_parameter(Name=name)
        except aws.AwsError as error:
            if error.code == "ParameterNotFound":
                return None
            raise
        parameter: Mapping[str, Any] = answer.get("Parameter", {})
        if "Version" not in parameter:
            raise aws.AwsError(f"AWS did not tell the version of {name}", aws.UNREACHED)
        return parameter

    def _prefix(self, message: Message) -> str:
        return _fill(self._config.prefix, message.account, message.broker)

    def _receipt(self, prefix: str, parts: Mapping[str, Sequence[str]]) -> Receipt:
        config = self._config
        meta = self._client().meta
        place = f"{meta.endpoint_url} {meta.region_name} {prefix}"
        words = ", ".join(f"{name} has {marks[0]}" for name, marks in parts.items())
        return Receipt(place, config.kms_key_id or "", parts, words)

    def _put(self, name: str, value: str, **more: str) -> int:
        """Write one parameter; gives its version."""
        size = len(value.encode())
        if size > ADVANCED:
            raise aws.AwsError(
                f"{name} would hold {size} bytes, and a parameter holds {ADVANCED} at most",
                "Use another sink.",
            )
        options = {
            "Type": "SecureString",
            "Tier": "Standard" if size <= STANDARD else "Advanced",
            **more,
        }
        if self._config.kms_key_id and options["Type"] == "SecureString":
            options["KeyId"] = self._config.kms_key_id
        try:
            return self._put_parameter(name, value, options)
        except aws.AwsError as error:
            # A parameter that was advanced once stays so, whatever it holds now.
            if (
                error.code != "ValidationException"
                or "tier" not in error.detail.lower()
                or options["Tier"] == "Advanced"
            ):
                raise
            return self._put_parameter(name, value, {**options, "Tier": "Advanced"})

    def _put_parameter(self, name: str, value: str, options: Mapping[str, str]) -> int:
        client = self._client()
        arn = f"arn:aws:ssm:{client.meta.region_name}:*:parameter{name}"
        with aws.in_words("ssm:PutParameter", arn):
            answer = client.put_parameter(Name=name, Value=value, Overwrite=True, **options)
        if "Version" not in answer:
            raise aws.AwsError(
                f"{name} was not written: the answer is not Parameter Store's",
                "Correct the sink's `endpoint_url`.",
            )
        return int(answer["Version"])

    def _client(self) -> Any:
        self._boto = self._boto or aws.client(
            "ssm",
            self._ways,
            region=self._config.region,
            endpoint_url=self._config.endpoint_url,
        )
        return self._boto

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except aws.AwsError as error:
            raise DeliveryFailed(error.detail, hint=error.hint or None) from None


def _marks(found: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """What tells parameters from any others: their versions, and which came last.

    One that is deleted and made anew begins at version 1 again. Metadata is written last and can
    be read: whatever is younger was written by somebody else.
    """
    marks = {name: [f"version {one['Version']}"] for name, one in found.items()}
    last = found.get("metadata", {}).get("LastModifiedDate")
    for name, one in found.items():
        when = one.get("LastModifiedDate")
        if name == "metadata":
            marks[name].append(str(one.get("Value", "")))
        elif last and when:
            marks[name].append(IN_ORDER if when <= last else "younger than metadata")
    return marks


def _other_values(data: Mapping[str, Any]) -> dict[str, str]:
    """What has a parameter of its own beside the access token, where the token has it."""
    extra = data["extra"]
    others = {"refresh_token": extra.get("refresh_token"), "client_id": _app_key(extra)}
    return {name: str(value) for name, value in others.items() if value}


def _app_key(extra: Mapping[str, Any]) -> Any:
    return next((extra[key] for key in APP_KEYS if extra.get(key)), None)


def _fill(template: str, account: str, broker: str) -> str:
    return template.replace("{account}", account).replace("{broker}", broker)
