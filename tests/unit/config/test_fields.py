"""Numbers in a config that no clock can count."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from autologin.config.schema import Watch
from autologin.flow import registry

HUGE = ["9" * 400, "9" * 5000, "1." + "9" * 400, "\u00b2"]


@pytest.mark.parametrize("text", HUGE)
def test_a_length_of_time(text):
    with pytest.raises(ValidationError, match="must be a length of time"):
        Watch(verify_every=text)


@pytest.mark.parametrize("text", HUGE)
def test_the_seconds_that_a_token_lives(text):
    with pytest.raises(ValidationError, match="expires"):
        registry.load("oauth2").options_class(expires=text)
