"""One-time passwords: seeds as people have them, and codes that are fresh, never sent twice and by the broker's clock."""

from __future__ import annotations

import base64
import io
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, ValidationError
from support.clock import HandClock

from autologin import log, redaction
from autologin.flow import otp
from autologin.flow.base import digits
from autologin.flow.otp import MARGIN, TOLERATED_SKEW, OtpGenerator, TotpSeed, normalise
from autologin.store.store import Store

SEED = "JBSWY3DPEHPK3PXP"
WINDOW = datetime(2026, 11, 24, 2, 45, tzinfo=UTC)
RFC_TIMES = (59, 1111111109, 1111111111, 1234567890, 2000000000, 20000000000)
RFC_CODES = {
    "SHA1": ("94287082", "07081804", "14050471", "89005924", "69279037", "65353130"),
    "SHA256": ("46119246", "68084774", "67062674", "91819424", "90698825", "77737706"),
    "SHA512": ("90693936", "25091201", "99943326", "93441116", "38618901", "47863826"),
}
RFC_LENGTHS = {"SHA1": 20, "SHA256": 32, "SHA512": 64}


def base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode()


def into(seconds: float) -> HandClock:
    """A clock that stands this many seconds into a window of 30."""
    return HandClock(WINDOW + timedelta(seconds=seconds))


def fresh(clock: HandClock, *, seed: str = SEED, claim=None, skew: float = 0.0) -> OtpGenerator:
    """Codes whose steps nobody else has used."""
    return OtpGenerator(SecretStr(seed), claim or set_aside(set()), clock, skew)


def set_aside(used: set[int]):
    def claim(step: int) -> bool:
        new = step not in used
        used.add(step)
        return new

    return claim


def code_at(moment: datetime, seed: str = SEED) -> str:
    return otp.parse(SecretStr(seed)).at(moment)


def refusal(seed: str) -> str:
    with pytest.raises(ValueError, match=r"seed|otpauth") as caught:
        otp.parse(SecretStr(seed))
    assert caught.value.__cause__ is None
    return str(caught.value)


# Seeds


@pytest.mark.parametrize("digest", RFC_CODES)
def test_the_vectors_of_rfc_6238(digest):
    raw = (b"1234567890" * 7)[: RFC_LENGTHS[digest]]
    seed = f"otpauth://totp/x?secret={base32(raw).rstrip('=')}&digits=8&algorithm={digest}"
    for moment, code in zip(RFC_TIMES, RFC_CODES[digest], strict=True):
        assert otp.parse(SecretStr(seed)).generate_otp(moment // 30) == code


async def test_a_plain_seed_makes_six_digits_every_thirty_seconds():
    clock = HandClock(datetime.fromtimestamp(1111111111, UTC))
    assert await fresh(clock, seed=base32(b"12345678901234567890")).generate() == "050471"


@pytest.mark.parametrize(
    "seed",
    [
        "JBSWY3DPEHPK3PXP",
        "jbswy3dpehpk3pxp",
        "jbsw y3dp ehpk 3pxp",
        " JBSW-Y3DP-EHPK-3PXP\n",
        "JBSWY3DPEHPK3PXP======",
        "JBSW\tY3DP\u00a0EHPK 3PXP",
        "otpauth://totp/Zerodha:AB1234?secret=JBSWY3DPEHPK3PXP&issuer=Zerodha",
        "otpauth://totp/Zerodha%3AAB1234?issuer=Zerodha&secret=jbswy3dpehpk3pxp%3D%3D",
        "  OTPAUTH://totp/Zerodha:AB1234?secret=jbsw%20y3dp%20ehpk%203pxp",
    ],
)
def test_a_seed_is_read_however_it_was_written_down(seed):
    assert normalise(seed) == SEED
    assert code_at(WINDOW, seed) == code_at(WINDOW)


@given(raw=st.binary(min_size=10, max_size=64), data=st.data())
def test_spaces_dashes_case_and_padding_change_nothing(raw, data):
    plain = base32(raw).rstrip("=")
    gaps = data.draw(
        st.lists(
            st.sampled_from(["", "", " ", "-", "=", "\n"]), min_size=len(plain), max_size=len(plain)
        )
    )
    cases = data.draw(st.lists(st.booleans(), min_size=len(plain), max_size=len(plain)))
    written = "".join(
        (c if up else c.lower()) + gap for c, up, gap in zip(plain, cases, gaps, strict=True)
    )
    assert normalise(written) == plain


def test_an_otpauth_address_brings_its_own_digits_period_and_digest():
    totp = otp.parse(
        SecretStr(f"otpauth://totp/x?secret={SEED}&digits=8&period=60&algorithm=SHA512")
    )
    assert (totp.digits, totp.interval, totp.digest().name) == (8, 60, "sha512")


async def test_codes_follow_the_period_of_an_otpauth_address():
    seed = f"otpauth://totp/x?secret={SEED}&period=60"
    used: set[int] = set()
    clock = into(40)
    await fresh(clock, seed=seed, claim=set_aside(used)).generate()
    assert used == {int(WINDOW.timestamp()) // 60}
    assert clock.wall == WINDOW + timedelta(seconds=40)


def test_eighty_bits_are_enough():
    assert normalise(base32(bytes(10))) == "A" * 16


@pytest.mark.parametrize("raw", [bytes(9), b""])
def test_fewer_bits_are_too_short(raw):
    assert f"too short: {len(raw) * 8} bits, and at least 80" in refusal(base32(raw))


@pytest.mark.parametrize(
    "seed",
    [
        "correct-horse-battery-staple!",
        "JBSWY3DPEHPK3PX1",
        "JBSWY3DPEHPK3PXP0",
        "JBSWY3DPEHPK3PXPA",
        "JBSWY3DPÄHPK3PXP",
        "otpauth://totp/Zerodha:AB1234",
        "https://kite.zerodha.com/?secret=JBSWY3DPEHPK3PXP",
    ],
)
def test_what_is_no_seed_is_refused_in_words_that_do_not_hold_it(seed):
    detail = refusal(seed)
    assert "base32, only the letters A-Z and the digits 2-7" in detail
    assert seed not in detail
    assert "JBSW" not in detail


@pytest.mark.parametrize(
    "query",
    [
        "digits=5",
        "digits=six",
        "algorithm=MD5",
        "period=soon",
        "counter=1",
        "period=0",
        "period=-30",
        "period=5",
    ],
)
def test_an_otpauth_address_that_no_code_can_be_made_from_is_refused(query):
    detail = refusal(f"otpauth://totp/x?secret=jbswy3dpehpk3pxp&{query}")
    assert "otpauth:// address" in detail
    assert SEED.lower() not in detail.lower()


@pytest.mark.parametrize("query", ["", "&counter=7", "&period=30"])
def test_a_counter_based_code_is_refused(query):
    assert "otpauth:// address" in refusal(f"otpauth://hotp/x?secret={SEED}{query}")


def test_a_counter_based_code_is_called_one():
    assert "counter-based code (hotp); a time-based one (totp) is needed" in refusal(
        f"otpauth://hotp/x?secret={SEED}&counter=7"
    )


class Credentials(BaseModel, hide_input_in_errors=True):
    totp_secret: TotpSeed


def test_a_credential_keeps_the_seed_as_it_was_written():
    seed = "jbsw y3dp ehpk 3pxp"
    assert Credentials(totp_secret=SecretStr(seed)).totp_secret.get_secret_value() == seed


def test_a_credential_that_is_no_seed_does_not_validate():
    with pytest.raises(ValidationError, match="not a TOTP seed"):
        Credentials(totp_secret=SecretStr("hunter2!"))


# The moment of a code


async def test_a_code_with_exactly_the_margin_left_is_made_at_once():
    clock = into(30 - MARGIN)
    assert await fresh(clock).generate() == code_at(WINDOW)
    assert clock.wall == WINDOW + timedelta(seconds=30 - MARGIN)


async def test_a_code_with_less_than_the_margin_left_waits_for_the_next_window():
    clock = into(30 - MARGIN + 0.001)
    assert await fresh(clock).generate() == code_at(WINDOW + timedelta(seconds=30))
    assert timedelta(seconds=30) <= clock.wall - WINDOW < timedelta(seconds=30.1)


async def test_a_window_that_has_just_begun_is_used():
    assert await fresh(into(0)).generate() == code_at(WINDOW)


@given(seconds=st.floats(0, 1e9), skew=st.floats(-7200, 7200))
async def test_a_code_always_lives_for_the_margin_by_the_brokers_clock(seconds, skew):
    clock = HandClock(WINDOW + timedelta(seconds=seconds))
    code = await fresh(clock, skew=skew).generate()
    theirs = clock.wall + timedelta(seconds=skew)
    assert code == code_at(theirs)
    assert code == code_at(theirs + timedelta(seconds=MARGIN - 0.001))
    assert clock.wall - WINDOW - timedelta(seconds=seconds) < timedelta(seconds=MARGIN + 0.1)


async def test_waiting_is_told():
    out = io.StringIO()
    log.configure(stream=out)
    await fresh(into(27)).generate()
    assert "otp_waits  seconds=3.0" in out.getvalue()


# Never the same code twice


async def test_the_second_code_comes_from_the_next_window():
    clock = into(3)
    used: set[int] = set()
    codes = fresh(clock, claim=set_aside(used))
    assert [await codes.generate() for _ in range(3)] == [
        code_at(WINDOW + timedelta(seconds=30 * n)) for n in range(3)
    ]
    first = int(WINDOW.timestamp()) // 30
    assert used == {first, first + 1, first + 2}


async def test_a_step_that_is_too_old_to_use_is_not_used_up():
    used: set[int] = set()
    await fresh(into(28), claim=set_aside(used)).generate()
    assert used == {int(WINDOW.timestamp()) // 30 + 1}


def claim_in(store, key):
    lease = store.leases.acquire(key + str(id(store)))
    return lambda step: store.attempts.claim_otp_step(lease, key, step)


async def test_two_that_share_a_store_never_make_the_same_code(tmp_path):
    clock = into(3)
    stores = [Store.open(tmp_path, clock) for _ in range(2)]
    key = stores[0].fingerprint("otp", SEED)
    one, other = (fresh(clock, claim=claim_in(store, key)) for store in stores)
    codes = [await one.generate(), await other.generate(), await one.generate()]
    assert codes == [code_at(WINDOW + timedelta(seconds=30 * n)) for n in range(3)]
    for store in stores:
        store.close()


async def test_a_restart_does_not_forget_a_used_step(tmp_path):
    clock = into(3)
    made = []
    for _ in range(2):
        store = Store.open(tmp_path, clock)
        key = store.fingerprint("otp", SEED)
        made.append(
            await fresh(
                clock,
                claim=claim_in(store, key),
            ).generate()
        )
        store.close()
    assert made == [code_at(WINDOW), code_at(WINDOW + timedelta(seconds=30))]


# The broker's clock


@pytest.mark.parametrize("skew", [-90.0, -TOLERATED_SKEW, TOLERATED_SKEW, 40.0])
async def test_codes_follow_the_brokers_clock(skew):
    codes = fresh(into(12))
    codes.learn_skew(skew)
    assert codes.skew == skew
    assert await codes.generate() == code_at(WINDOW + timedelta(seconds=12 + skew))


@pytest.mark.parametrize("skew", [0.0, TOLERATED_SKEW - 0.01, -TOLERATED_SKEW + 0.01])
def test_less_than_the_tolerated_skew_says_nothing(skew):
    codes = fresh(into(12))
    codes.learn_skew(skew)
    assert codes.skew == 0


def test_a_clock_that_was_set_right_is_believed_again():
    codes = fresh(into(12), skew=60)
    codes.learn_skew(0.4)
    assert codes.skew == 0


async def test_the_margin_is_kept_by_the_brokers_clock():
    clock = into(12)
    codes = fresh(clock, skew=15)
    assert await codes.generate() == code_at(WINDOW + timedelta(seconds=30))
    assert clock.wall >= WINDOW + timedelta(seconds=15)


def test_a_skew_is_told_with_what_to_do_and_a_tolerated_one_is_not():
    out = io.StringIO()
    log.configure(stream=out)
    codes = fresh(into(12))
    codes.learn_skew(2.9)
    assert not out.getvalue()
    codes.learn_skew(-61.2)
    assert "WARNING" in out.getvalue()
    assert "clock_skew  seconds=-61  hint=Set this machine's clock (NTP)." in out.getvalue()


# Redaction


async def test_a_code_is_redacted_from_the_moment_it_is_made():
    code = await fresh(into(3)).generate()
    assert redaction.scrub(f"the code was {code}.") == f"the code was {redaction.MASK}."


async def test_the_seed_is_redacted_in_its_plain_form_too():
    otp.parse(SecretStr("jbsw y3dp ehpk 3pxp"))
    assert redaction.scrub(f"seed={SEED}") == f"seed={redaction.MASK}"


def test_the_seed_is_in_no_repr():
    assert SEED not in repr(fresh(into(3)))


def test_an_address_that_was_copied_badly_is_no_counter_based_one():
    for start in ("otpauth://[totp/x", "otpauth://top/x", "otpauth:///totp/x"):
        said = refusal(f"{start}?secret={SEED}")
        assert "does not begin with otpauth://totp/" in said
        assert "counter" not in said


def test_an_address_from_a_pages_source_is_read():
    assert normalise(f"otpauth://totp/x?issuer=Y&amp;secret={SEED}") == SEED


def test_a_seed_that_was_copied_with_its_name_is_told_so():
    for start in ("secret=", "secret: ", "SECRET="):
        for seed in (SEED, SEED + "ABCDEFGHIJ"):
            assert "begins with its own name" in refusal(f"{start}{seed}")


@pytest.mark.parametrize("quoted", ['"1234"', "'1234'"])
def test_a_pin_that_kept_its_quotes_is_told_so(quoted):
    with pytest.raises(ValueError, match="stands in quotes, which were kept"):
        digits(4, "PIN")(SecretStr(quoted))
