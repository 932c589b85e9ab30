"""The key pair with which ICICI Direct's page encrypts a password: RSA, PKCS #1 v1.5. Small, for a sandbox on loopback only."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from functools import cache

BITS = 1024
EXPONENT = 65537
RSA_OID = bytes.fromhex("300d06092a864886f70d0101010500")
"""AlgorithmIdentifier of rsaEncryption."""


@dataclass(frozen=True)
class Key:
    """A key pair."""

    modulus: int
    secret: int

    @property
    def hex_pair(self) -> str:
        """How `hidenc` carries the public key: exponent~modulus, in hex."""
        return f"{EXPONENT:x}~{self.modulus:x}"

    @property
    def pem(self) -> str:
        """How `hidpv` carries it."""
        numbers = _der(0x30, _integer(self.modulus) + _integer(EXPONENT))
        text = base64.b64encode(_der(0x30, RSA_OID + _der(0x03, b"\0" + numbers))).decode()
        lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
        return f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----"

    def decrypt(self, data: bytes) -> str | None:
        """What was encrypted; None where it was not, or with another key."""
        size = BITS // 8
        if len(data) != size:
            return None
        block = pow(int.from_bytes(data), self.secret, self.modulus).to_bytes(size)
        padding, zero, text = block[2:].partition(b"\0")
        right = block[:2] == b"\0\2" and zero and len(padding) >= 8
        return text.decode("utf-8", "replace") if right else None


@cache
def key() -> Key:
    """This process's key pair."""
    while True:
        one, other = _prime(BITS // 2), _prime(BITS // 2)
        if one != other and ((one - 1) * (other - 1)) % EXPONENT:
            return Key(one * other, pow(EXPONENT, -1, (one - 1) * (other - 1)))


def _prime(bits: int) -> int:
    while True:
        # The two highest bits are set, so that two of them have a product of twice the bits.
        found = secrets.randbits(bits) | 3 << (bits - 2) | 1
        if _is_prime(found):
            return found


def _is_prime(number: int, rounds: int = 24) -> bool:
    """Miller and Rabin's test."""
    if any(number % small == 0 for small in range(3, 2000, 2)):
        return False
    twos = ((number - 1) & -(number - 1)).bit_length() - 1
    for _ in range(rounds):
        value = pow(secrets.randbelow(number - 3) + 2, (number - 1) >> twos, number)
        if value not in {1, number - 1} and not any(pow(value, 1 << step, number) == number - 1 for step in range(1, twos)):
            return False
    return True


def _der(kind: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x80 | (n := (size.bit_length() + 7) // 8)]) + size.to_bytes(n)
    return bytes([kind]) + length + content


def _integer(value: int) -> bytes:
    return _der(0x02, value.to_bytes(value.bit_length() // 8 + 1))
