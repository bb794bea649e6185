"""
TLS (RFC 3261 section 26.3, RFC 5922): our certificate, and whom we trust.

The files are read when the switch starts and when it is told to read its
configuration again. Connections that are open keep what they began with.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import (
    IAddress,
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
)
from twisted.internet.ssl import (
    AcceptableCiphers,
    Certificate,
    CertificateOptions,
    TLSVersion,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from vos3000.errors import ConfigError
from vos3000.sip.connection import Way
from vos3000.sip.hosts import is_address

CIPHERS = AcceptableCiphers.fromOpenSSLCipherString(
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:!aNULL:!PSK"
)
"""What TLS 1.2 may use: a key of its own for each session, and authenticated
encryption. TLS 1.3 knows nothing else."""

SOON = timedelta(days=14)
"""A certificate that ends sooner is told of at each reading."""


@attrs.frozen(slots=True)
class TlsFiles:
    """
    What the operator named, each a file of PEM.

    @ivar certificate: Ours, followed by those that lead to a root.
    @ivar key: Its private key; None where it stands in the same file.
    @ivar ca: Whom we trust; None for whom the system trusts.
    @ivar clients: Whether peers that connect need a certificate: C{off},
        C{request} or C{require}.
    """

    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None
    clients: str = "off"


@attrs.frozen(slots=True)
class Identity:
    """
    Our certificate with its key.

    @ivar chain: The certificates between it and its root.
    """

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    key: PrivateKeyTypes = attrs.field(repr=False)


@attrs.frozen(slots=True)
class Material:
    """
    What the files hold.

    @ivar identity: None where there is no certificate: we may call, and cannot
        be called.
    @ivar roots: Whom we trust; empty for whom the system trusts.
    @ivar warnings: What works now and will not for long.
    """

    identity: Identity | None = None
    roots: tuple[x509.Certificate, ...] = ()
    clients: str = "off"
    warnings: tuple[str, ...] = ()


def read(files: TlsFiles, now: datetime) -> Material:
    """
    Read and check them.

    @param now: For the dates of our certificate.
    @raise ConfigError: If any cannot be used; says of all of them why, and
        what helps.
    """
    problems: list[str] = []
    roots = _certificates("tls_ca", files.ca, problems)
    identity = _identity(files, problems)
    if files.clients != "off" and not roots and files.ca is None:
        problems.append(
            f"[sip] tls_verify_clients = {files.clients}: needs [sip] tls_ca, the "
            "certificates of those who may vouch for a peer"
        )
    if files.key is not None and files.certificate is None:
        problems.append("[sip] tls_key: is of no use without [sip] tls_certificate")
    if problems:
        raise ConfigError(problems)
    warnings = () if identity is None else tuple(_dates(files, identity, now))
    return Material(identity, roots, files.clients, warnings)


def _identity(files: TlsFiles, problems: list[str]) -> Identity | None:
    if files.certificate is None:
        return None
    found = _certificates("tls_certificate", files.certificate, problems)
    setting = "tls_certificate" if files.key is None else "tls_key"
    key = _key(setting, files.key or files.certificate, problems)
    if not found or key is None:
        return None
    if _public(key) != _public(found[0]):
        problems.append(
            f"[sip] {setting} = {files.key or files.certificate}: the key is not that "
            f"of the first certificate in {files.certificate}, which must be ours"
        )
    return Identity(found[0], found[1:], key)


def _public(owner: Any) -> bytes:
    key = owner.public_key()
    data: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return data


def _content(setting: str, path: Path, problems: list[str]) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError as error:
        problems.append(
            f"[sip] {setting} = {path}: {error.strerror or error}; name a file of PEM "
            "that the switch's user may read"
        )
        return None


def _certificates(
    setting: str, path: Path | None, problems: list[str]
) -> tuple[x509.Certificate, ...]:
    data = None if path is None else _content(setting, path, problems)
    if data is None:
        return ()
    try:
        return tuple(x509.load_pem_x509_certificates(data))
    except ValueError:
        problems.append(
            f"[sip] {setting} = {path}: holds no certificate that can be read; PEM is "
            "needed, with lines -----BEGIN CERTIFICATE-----"
        )
        return ()


def _key(setting: str, path: Path, problems: list[str]) -> PrivateKeyTypes | None:
    data = _content(setting, path, problems) if setting == "tls_key" else _again(path)
    if data is None:
        return None
    try:
        return load_pem_private_key(data, None)
    except TypeError:
        cause = "the key is encrypted, and nobody is there to type a password"
        cure = "store it without one, readable by the switch's user alone"
    except ValueError:
        cause = "holds no private key that can be read"
        cure = "name the file with -----BEGIN PRIVATE KEY----- as [sip] tls_key"
    problems.append(f"[sip] {setting} = {path}: {cause}; {cure}")
    return None


def _again(path: Path) -> bytes | None:
    """The file of the certificate, of which it was said if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def _dates(files: TlsFiles, identity: Identity, now: datetime) -> Iterator[str]:
    ours = identity.certificate
    named = f"[sip] tls_certificate = {files.certificate}"
    last, first = ours.not_valid_after_utc, ours.not_valid_before_utc
    if last <= now:
        yield f"{named}: it expired on {last:%Y-%m-%d}; peers that look refuse us"
    elif last <= now + SOON:
        yield f"{named}: it expires on {last:%Y-%m-%d}"
    if first > now:
        yield f"{named}: it is not valid before {first:%Y-%m-%d %H:%M} UTC"


@implementer(IOpenSSLServerConnectionCreator)
class Tls:
    """
    TLS on both sides, as the files say now.

    @param clock: The reactor; what is written in one turn of it goes out in
        one piece.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._material = Material()
        self._server: SSL.Context | None = None
        self._clients: dict[tuple[str, bool], IOpenSSLClientConnectionCreator] = {}

    def load(self, material: Material) -> None:
        """Use these from now on; connections that are open do not notice."""
        server = None
        if material.identity is not None:
            server = _server_options(material).getContext()
        self._server = server
        self._material = material
        self._clients = {}

    @property
    def expires(self) -> float:
        """When our certificate ends, seconds since 1970; 0 if there is none."""
        identity = self._material.identity
        if identity is None:
            return 0.0
        return identity.certificate.not_valid_after_utc.timestamp()

    def serverConnectionForTLS(  # noqa: N802
        self, protocol: TLSMemoryBIOProtocol
    ) -> SSL.Connection:
        """See C{IOpenSSLServerConnectionCreator}."""
        assert self._server is not None, "there is no certificate to listen with"
        return SSL.Connection(self._server, None)

    def accepting(self, factory: IProtocolFactory) -> TLSMemoryBIOFactory:
        """The factory that puts TLS under the connections C{factory} takes."""
        return _Accepting(self, False, factory, self._clock)

    def opening(self, factory: IProtocolFactory, way: Way) -> TLSMemoryBIOFactory:
        """The same for a connection of ours."""
        name = way.domain or way.address[0]
        creator = self._clients.get((name, way.verify))
        if creator is None:
            creator = _client(self._material, name, way.verify)
            if len(self._clients) < MOST_NAMES:
                self._clients[name, way.verify] = creator
        return TLSMemoryBIOFactory(creator, True, factory, self._clock)


MOST_NAMES = 10_000
"""Names of peers for which what is needed to call them is kept ready."""


class _Accepting(TLSMemoryBIOFactory):
    """As Twisted's, but may refuse a connection."""

    def buildProtocol(  # type: ignore[override]  # noqa: N802
        self, addr: IAddress | None
    ) -> TLSMemoryBIOProtocol | None:
        """An incoming connection; None closes it."""
        inner: IProtocol | None = self.wrappedFactory.buildProtocol(addr)
        return None if inner is None else self.protocol(self, inner)


def _server_options(material: Material) -> CertificateOptions:
    asked = material.clients != "off"
    return CertificateOptions(
        **_ours(material),
        verify=asked,
        caCerts=[crypto.X509.from_cryptography(c) for c in material.roots],
        requireCertificate=material.clients == "require",
        acceptableCiphers=CIPHERS,
        raiseMinimumTo=TLSVersion.TLSv1_2,
    )


def _ours(material: Material) -> dict[str, Any]:
    """Our certificate as Twisted wants it."""
    identity = material.identity
    if identity is None:
        return {}
    key: Any = identity.key
    return {
        "privateKey": crypto.PKey.from_cryptography_key(key),
        "certificate": crypto.X509.from_cryptography(identity.certificate),
        "extraCertChain": [crypto.X509.from_cryptography(c) for c in identity.chain],
    }


def _trust(material: Material) -> Any:
    if not material.roots:
        return platformTrust()
    return trustRootFromCertificates(
        [Certificate(crypto.X509.from_cryptography(root)) for root in material.roots]
    )


def _client(
    material: Material, name: str, verify: bool
) -> IOpenSSLClientConnectionCreator:
    more = {**_ours(material), "acceptableCiphers": CIPHERS}
    more["raiseMinimumTo"] = TLSVersion.TLSv1_2
    if not verify:
        return _Unverified(CertificateOptions(verify=False, **more), name)
    return optionsForClientTLS(
        name, trustRoot=_trust(material), extraCertificateOptions=more
    )


@implementer(IOpenSSLClientConnectionCreator)
class _Unverified:
    """Calls whoever answers: the operator said so for this gateway."""

    def __init__(self, options: CertificateOptions, name: str) -> None:
        self._context = options.getContext()
        self._name = b"" if is_address(name) else name.encode("idna")

    def clientConnectionForTLS(  # noqa: N802
        self, protocol: TLSMemoryBIOProtocol
    ) -> SSL.Connection:
        """See C{IOpenSSLClientConnectionCreator}."""
        connection = SSL.Connection(self._context, None)
        if self._name:
            connection.set_tlsext_host_name(self._name)
        return connection
