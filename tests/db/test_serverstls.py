"""TLS to the server, with certificates of the tests' own authority."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from bench.children import free_port
from tests import mariadb
from tests.certificates import Authority
from vos3000.db import upgrade
from vos3000.db.mariadb import MariaDb
from vos3000.errors import StorageError

AUTHORITY = Authority()
NAME = "localhost"


@functools.cache
def _server(name: str) -> tuple[mariadb.Server, int]:
    """A server on loopback with a certificate for a name, and its port."""
    folder = Path(tempfile.mkdtemp(prefix="vos3000-tls-"))
    port = free_port()
    certificate = AUTHORITY.write(folder, name)
    made = mariadb.Server(
        "--skip-networking=0",
        "--bind-address=127.0.0.1",
        f"--port={port}",
        f"--ssl-cert={certificate}",
        f"--ssl-key={certificate}",
        f"--ssl-ca={AUTHORITY.write_itself(folder)}",
    )
    own = made.connect().cursor()
    for host in (NAME, "127.0.0.1"):
        own.execute(f"CREATE USER switch@'{host}' IDENTIFIED BY 'p@ss' REQUIRE SSL")
        own.execute(f"CREATE USER known@'{host}' IDENTIFIED BY 'p@ss' REQUIRE X509")
        own.execute(f"GRANT ALL ON *.* TO switch@'{host}', known@'{host}'")
    return made, port


class TlsTests(SynchronousTestCase):
    """Who the server is, and who we are."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def url(self, name: str = NAME, user: str = "switch", **options: Path) -> str:
        """A database of the server whose certificate is for a name."""
        server, port = _server(name)
        server.create("tls")
        given = {"ssl_ca": AUTHORITY.write_itself(self.folder), **options}
        text = "&".join(f"{key}={value}" for key, value in given.items())
        return f"mysql://{user}:p%40ss@{NAME}:{port}/tls?{text}"

    def refused(self, url: str) -> str:
        """What a start says."""
        return str(self.assertRaises(StorageError, upgrade.prepare, url))

    def test_encrypted(self) -> None:
        """Certificate and name are good."""
        url = self.url()
        upgrade.migrate(url)
        upgrade.prepare(url)
        connection = MariaDb(url).connect()
        self.addCleanup(connection.close)
        cursor = connection.cursor()
        cursor.execute("SHOW STATUS LIKE 'Ssl_version'")
        self.assertIn("TLSv1", cursor.fetchone()[1])

    def test_wrong_name(self) -> None:
        """A good certificate of another server's is none."""
        said = self.refused(self.url("db.example.org"))
        self.assertIn("TLS to the server failed: see ssl_ca", said)

    def test_wrong_authority(self) -> None:
        """Anybody can sign."""
        other = self.folder / "other"
        other.mkdir()
        url = self.url(ssl_ca=Authority("others").write_itself(other))
        self.assertIn("TLS to the server failed: see ssl_ca", self.refused(url))

    def test_server_without_tls(self) -> None:
        """It is asked for, so that nothing goes in clear, least of all a password."""
        url = mariadb.server().create("clear")
        self.addCleanup(mariadb.server().drop, "clear")
        upgrade.migrate(url)
        asked = f"{url}&ssl_ca={AUTHORITY.write_itself(self.folder)}"
        self.assertIn("TLS to the server failed: see ssl_ca", self.refused(asked))

    def test_our_own_certificate(self) -> None:
        """A server may ask for one; without it we are refused."""
        self.assertIn("refuses user and password", self.refused(self.url(user="known")))
        ours = AUTHORITY.write(self.folder, "switch.example.org")
        url = self.url(user="known", ssl_cert=ours, ssl_key=ours)
        upgrade.migrate(url)
        upgrade.prepare(url)

    def test_no_secret_is_told(self) -> None:
        """Neither in what an operator is told nor in a name."""
        url = self.url(user="nobody")
        said = self.refused(url)
        self.assertNotIn("p@ss", said + MariaDb(url).place)
