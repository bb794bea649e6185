"""
An authority of the tests' own, and certificates that it signs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

NOW = datetime(2030, 6, 1, tzinfo=UTC)
_WHILE = timedelta(days=365)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternatives(names: Sequence[str]) -> x509.SubjectAlternativeName:
    """Addresses among the names are told as such."""
    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return x509.SubjectAlternativeName(found)


def private(key: ec.EllipticCurvePrivateKey, password: bytes | None = None) -> bytes:
    """A key as PEM."""
    how = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


class Authority:
    """
    Signs certificates.

    @param now: When; each is good for a year from the day before.
    """

    def __init__(self, name: str = "tests", now: datetime | None = None) -> None:
        self._now = now or datetime.now(UTC)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(f"authority of {name}")
        self._serial = 0
        self.certificate = self._signed(self._name, self._key, (), self._now, True)

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        names: Sequence[str],
        first: datetime,
        authority: bool,
    ) -> x509.Certificate:
        self._serial += 1
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(first - timedelta(days=1))
            .not_valid_after(first - timedelta(days=1) + _WHILE)
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
        )
        if names:
            made = made.add_extension(_alternatives(names), critical=False)
        return made.sign(self._key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        """Its own certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(
        self, *names: str, first: datetime | None = None
    ) -> tuple[bytes, ec.EllipticCurvePrivateKey]:
        """
        A certificate for names and addresses, as PEM, and its key.

        @param first: When it begins, plus a day.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        signed = self._signed(_name(names[0]), key, names, first or self._now, False)
        return signed.public_bytes(Encoding.PEM), key

    def write(self, directory: Path, *names: str) -> Path:
        """A file with a new certificate for C{names} and its key."""
        certificate, key = self.issue(*names)
        path = directory / f"{names[0]}-{self._serial}-{id(self)}.pem"
        path.write_bytes(certificate + private(key))
        return path

    def write_itself(self, directory: Path) -> Path:
        """A file with its own certificate."""
        path = directory / "authority.pem"
        path.write_bytes(self.pem)
        return path
