"""Signing in over a broker's API, up to the token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autologin import retry
from autologin.errors import AutologinError, BrokerUnavailable, OtpRejected
from autologin.flow.base import ApiFlow
from autologin.flow.results import result_of
from autologin.log import event
from autologin.login.context import LoginContext
from autologin.login.network import skew_of
from autologin.token import Token

if TYPE_CHECKING:
    import httpx


async def api_login(login: LoginContext, flow: ApiFlow, http: httpx.AsyncClient) -> Token:
    """The token. A rejected OTP is followed by one more at most, in a new window.

    Raises:
        Rejected, NeedsPerson, Transient: as the broker means it.
    """

    async def learn_skew(response: httpx.Response) -> None:
        skew = skew_of(response.headers, login.clock.now())
        if login.otp and skew is not None:
            login.otp.learn_skew(skew)

    http.event_hooks["response"] = [learn_skew]
    with login.stages.stage("login"):
        while True:
            await _wait_for_turn(login, flow)
            try:
                return await _sign_in(login, flow, http)
            except OtpRejected as error:
                login.otp_rejections += 1
                if login.otp is None or not retry.may_send_another_otp(
                    login.otp_rejections, error.attempts_left
                ):
                    raise
                event(
                    "otp_rejected",
                    level="WARNING",
                    message=error.detail,
                    then="one more code, in a new window",
                )


async def _wait_for_turn(login: LoginContext, flow: ApiFlow) -> None:
    """Wait until the broker's limits allow a login, where there is time for that."""
    pause = retry.pause_before_login(flow.rate_limits, login.attempts.sent(), login.clock.now())
    if pause > login.seconds_left - retry.LOGIN_SECONDS:
        if login.last_error:
            raise login.last_error
        if pause:
            limited = (
                f"{flow.title} takes only so many logins, and the next one in {pause:.0f} seconds"
            )
            raise BrokerUnavailable(limited, retry_after=pause)
        short = f"A login needs {retry.LOGIN_SECONDS:g} seconds, and less is left"
        raise BrokerUnavailable(short, hint="Raise the account's `timeout`.")
    if pause:
        event("waiting_for_turn", in_seconds=round(pause, 1))
        await login.clock.sleep(pause)


async def _sign_in(login: LoginContext, flow: ApiFlow, http: httpx.AsyncClient) -> Token:
    """One call, or the few that are one login; it is written down before it is sent."""
    otp = await login.otp.generate() if login.otp else ""
    login.attempts.begin_all(otp=bool(otp))
    login.secrets_sent = True
    login.expect_token(expected=True)
    try:
        token = await result_of(flow, flow.sign_in(http, otp, login.clock.now()), Token)
    except AutologinError as error:
        login.expect_token(expected=False)
        login.attempts.settle_error(error)
        login.last_error = error
        raise
    login.attempts.settle("accepted")
    return token
