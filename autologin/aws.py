"""AWS.

A client made as every AWS tool makes one, and what AWS refuses in words that say how to fix it.

Region and credentials come from where all AWS tools look: AWS_* variables, ~/.aws, the role of the
container or machine.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from autologin.proxies import Ways
from autologin.redaction import scrub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.exceptions import ClientError

SECONDS = 8.0
"""For a connection, and for an answer."""
THROTTLED = re.compile(r"Throttl|TooMany|RequestLimit|SlowDown")
NOT_ALLOWED = re.compile(r"AccessDenied|UnauthorizedOperation|NotAuthorized")
BAD_CREDENTIALS = re.compile(
    r"ExpiredToken|UnrecognizedClient|InvalidClientTokenId|InvalidSignature|SignatureDoesNotMatch"
)
DENIED = re.compile(r"perform: (?P<action>[\w:-]+)(?: on resource: (?P<resource>arn:\S+))?")
"""How AWS words what an identity may not do."""
CREDENTIALS = (
    "Give the machine, task or pod a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
)
HINTS = {
    "NoRegionError": (
        "no AWS region is known",
        "Set `region`, such as ap-south-1, or AWS_DEFAULT_REGION.",
    ),
    "NoCredentialsError": ("no AWS credentials were found", CREDENTIALS),
    "PartialCredentialsError": ("the AWS credentials are not complete", CREDENTIALS),
    "CredentialRetrievalError": ("the AWS credentials could not be had", CREDENTIALS),
    "TokenRetrievalError": (
        "the AWS sign-on has ended",
        "Sign in again (aws sso login), or use a role.",
    ),
    "ProfileNotFound": (
        "AWS_PROFILE names a profile that is not in ~/.aws",
        "Correct it, or unset it.",
    ),
    "InvalidRegionError": ("is not an AWS region", "Correct `region`, such as ap-south-1."),
}
UNREACHED = (
    "Check the network, the region, and `endpoint_url` if it is set; autologin tries "
    "again by itself."
)


class AwsError(Exception):
    """AWS did not do it.

    Why, how to fix it, and the code that AWS gives it ("" where it was not AWS that spoke).
    """

    def __init__(self, detail: str, hint: str, code: str = "") -> None:
        super().__init__(detail)
        self.detail, self.hint, self.code = detail, hint, code


def client(
    service: str, ways: Ways, *, region: str | None = None, endpoint_url: str | None = None
) -> Any:
    """A client for a service, such as "ssm", that asks it by the way of its URL.

    Raises:
        AwsError: boto3 is not installed, or no region is known.
    """
    try:
        import boto3  # noqa: PLC0415  (half a second and 25 MiB that only those pay who use AWS)
        from botocore.config import Config  # noqa: PLC0415  (see above)
    except ImportError:
        raise AwsError("boto3 is not installed", "pip install 'broker-autologin[aws]'") from None
    patience = Config(
        connect_timeout=SECONDS,
        read_timeout=SECONDS,
        retries={"total_max_attempts": 2, "mode": "standard"},
        proxies={},  # else botocore reads the environment in its own way
    )
    with in_words():
        make = partial(
            boto3.session.Session().client,
            service,
            region_name=region,
            endpoint_url=endpoint_url,
        )
        made = make(config=patience)
        url = made.meta.endpoint_url
        proxy = ways.proxy_for(url)
        if proxy is None:
            return made
        made.close()
        if proxy.scheme == "socks5":
            detail = f"{proxy.variable} is a socks5 proxy, which botocore does not support"
            raise AwsError(detail, "Use the proxy's http:// address, or list AWS in NO_PROXY.")
        return make(config=patience.merge(Config(proxies={urlsplit(url).scheme: proxy.url})))


@contextmanager
def in_words(action: str = "", resource: str = "") -> Iterator[None]:
    """Say what AWS refuses.

    `action` and `resource` are those of IAM, for refusals that do not name them.

    Raises:
        AwsError: AWS refused, or was not reached.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  (there when `client` is)

    try:
        yield
    except ClientError as error:
        raise _refused(error, action, resource) from None
    except (BotoCoreError, ValueError) as error:
        name = type(error).__name__
        detail, hint = HINTS.get(name, (f"AWS was not reached ({name})", UNREACHED))
        raise AwsError(detail, hint) from None


def _refused(error: ClientError, action: str, resource: str) -> AwsError:
    told = error.response.get("Error", {})
    code, words = (
        str(told.get("Code", "")),
        scrub(str(told.get("Message", ""))),
    )  # some quote the value
    if NOT_ALLOWED.search(code):
        named = DENIED.search(words)
        action = named["action"] if named else action
        resource = (named["resource"] if named else None) or resource
        return AwsError(
            f"AWS does not allow {action} on {resource}",
            f"Allow this identity {action} on {resource}.",
            code,
        )
    if THROTTLED.search(code):
        return AwsError(f"AWS asks to slow down ({code})", "autologin tries again by itself.", code)
    if BAD_CREDENTIALS.search(code):
        return AwsError(f"AWS refuses the credentials ({code})", CREDENTIALS, code)
    return AwsError(f"AWS refused it ({code}): {words[:200]}", "", code)
