"""What the flows of the Noren family make of an account, without a browser."""

from __future__ import annotations

import pytest

from autologin.errors import CredentialsRejected
from autologin.flow import registry
from autologin.flow.phrases import classify
from autologin.flow.script import LoginScript

SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXQ"


@pytest.mark.parametrize(
    ("more", "client_id"), [({}, "FA12345_U"), ({"client_id": "app_X"}, "app_X")]
)
def test_the_client_id_is_made_of_the_user_id_as_the_broker_writes_it(more, client_id):
    kind = registry.load("shoonya")
    plain = {"user_id": "fa12345", "password": "p", "totp_secret": SEED, "secret_code": "s"}
    assert (
        kind(kind.credentials_class(**plain, **more), {})
        .login_url("")
        .url.endswith(f"?client_id={client_id}")
    )


def test_a_refusal_that_the_browser_shows_as_json_is_told_in_its_words():
    error = classify(
        '{"stat": "Not_Ok", "emsg": "Invalid Input : Invalid client_id"}', LoginScript(()), None
    )
    assert isinstance(error, CredentialsRejected)
    assert error.detail == 'The broker said: "Invalid Input : Invalid client_id"'
