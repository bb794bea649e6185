"""Digest in requests: challenges, nonces, counts, and what guessers learn."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.devices import HOME, Device
from tests.switch import Switch
from vos3000.security.suspension import ANSWER_TIME, BETWEEN
from vos3000.sip import challenger
from vos3000.sip.algorithms import MOST, PATIENCE, USUAL, Algorithms
from vos3000.sip.challenger import Nonces
from vos3000.sip.digest import parse_challenge
from vos3000.sip.message import Request, Response
from vos3000.sip.parser import parse

ELSEWHERE = ("203.0.113.9", 5060)


class Authentication(SynchronousTestCase):
    """A switch with one phone, and who says to be it."""

    parameters: dict[str, str] = {}

    def setUp(self) -> None:
        """One phone with a password."""
        self.switch = Switch(parameters=self.parameters)
        self.switch.phone("1001")
        self.device = Device(self.switch)


class ChallengeTests(Authentication):
    """What a request without credentials gets."""

    def test_both_algorithms_strong_first(self) -> None:
        """SHA-256, then MD5, one nonce, qop auth (RFC 8760 section 2.3)."""
        response = self.device.ask()
        self.assertEqual(response.status, 401)
        offered = [parse_challenge(v) for v in response.all("www-authenticate")]
        self.assertEqual([c.algorithm for c in offered], ["SHA-256", "MD5"])
        self.assertEqual({c.qop for c in offered}, {("auth",)})
        self.assertEqual({c.realm for c in offered}, {"vos3000"})
        self.assertEqual(len({c.nonce for c in offered}), 1)
        self.assertFalse(any(c.stale for c in offered))

    def test_device_that_does_not_understand_is_asked_for_md5_alone(self) -> None:
        """It comes back as if it was never answered; others are not affected."""
        device = self.device
        device.ask()
        self.switch.advance(PATIENCE)
        self.assertEqual(self.offered(device.ask()), ["MD5"])
        device.algorithm = "MD5"
        self.assertEqual(device.register().status, 200)
        self.assertEqual(self.offered(device.ask()), ["MD5"])
        other = Device(self.switch, address=ELSEWHERE)
        self.assertEqual(self.offered(other.ask()), ["SHA-256", "MD5"])

    def test_retransmission_is_no_misunderstanding(self) -> None:
        """The same request again at once is asked for both again."""
        self.device.ask()
        self.switch.advance(PATIENCE - 1)
        self.assertEqual(self.offered(self.device.ask()), ["SHA-256", "MD5"])

    def test_device_that_used_md5_is_asked_for_it(self) -> None:
        """Its calls need not teach us again, nor does a nonce that is too old."""
        self.device.algorithm = "MD5"
        self.assertEqual(self.device.register().status, 200)
        self.switch.advance(400)
        self.assertEqual(self.offered(self.device.authenticated()), ["MD5"])
        self.assertEqual(self.offered(self.device.ask()), ["MD5"])

    def test_device_that_used_sha_256_keeps_being_asked_for_it(self) -> None:
        """However often it sends requests without credentials."""
        self.assertEqual(self.device.register().status, 200)
        for _ in range(3):
            self.switch.advance(60)
            self.assertEqual(self.offered(self.device.ask()), ["SHA-256", "MD5"])

    def test_senders_that_are_remembered_are_bounded(self) -> None:
        """A flood makes the oldest unknown, and holds no more than that."""
        algorithms = Algorithms(USUAL, self.switch.now)
        for number in range(MOST + 10):
            algorithms.asked(str(number), "192.0.2.66", None)
        self.assertEqual(len(algorithms), MOST)
        algorithms.asked("x" * 4000, "192.0.2.66", None)
        self.assertEqual(max(len(user) for user, _ in algorithms._known), 128)

    @staticmethod
    def offered(response: Response) -> list[str]:
        """The algorithms of a challenge."""
        found = response.all("www-authenticate")
        return [parse_challenge(value).algorithm for value in found]

    def test_nothing_is_kept(self) -> None:
        """A flood of requests without credentials holds no transaction."""
        timers = len(self.switch.timers)
        for _ in range(50):
            self.device.ask()
        self.assertFalse(self.switch.core.layer.busy())
        self.assertEqual(len(self.switch.timers), timers)

    def test_either_algorithm(self) -> None:
        """A device answers whichever it knows."""
        for algorithm in ("SHA-256", "MD5"):
            self.device.algorithm = algorithm
            self.device.challenge = None
            self.assertEqual(self.device.register().status, 200)

    def test_old_devices(self) -> None:
        """RFC 2069, without qop, is taken once for each nonce."""
        device = self.device
        device.algorithm = "MD5"
        device.learn(device.ask())
        assert device.challenge is not None
        nonce = device.challenge.nonce
        text = f'Digest realm="vos3000", nonce="{nonce}"'
        device.challenge = parse_challenge(text)
        self.assertEqual(device.authenticated().status, 200)
        again = device.authenticated()
        self.assertEqual(again.status, 401)
        self.assertIn("stale=true", again.get("www-authenticate") or "")

    def test_other_realm_and_rubbish_are_no_credentials(self) -> None:
        """They get a challenge, and nobody is blamed."""
        device = self.device
        device.learn(device.ask())
        line = f"Authorization: {device.credentials()}"
        for bad in (
            line.replace('"vos3000"', '"elsewhere"'),
            line.replace("SHA-256", "ROT13"),
            "Authorization: Basic QWxhZGRpbjpvcGVu",
            "Authorization: NoOneKnowsThisScheme opaque-data=here",
            "Authorization: Digest ,,,=",
        ):
            for _ in range(10):
                self.assertEqual(device.ask([bad]).status, 401)
        self.assertEqual(device.register().status, 200)

    def test_the_right_one_of_several(self) -> None:
        """Credentials for other realms may stand beside ours."""
        device = self.device
        device.learn(device.ask())
        line = f"Authorization: {device.credentials()}"
        other = line.replace('"vos3000"', '"elsewhere"')
        self.assertEqual(device.ask([other, line]).status, 200)


class CodeTests(Authentication):
    """SS_SIP_AUTHENTICATION_CODE 407."""

    parameters = {"SS_SIP_AUTHENTICATION_CODE": "407"}

    def test_proxy_headers(self) -> None:
        """407 with Proxy-Authenticate, answered by Proxy-Authorization."""
        device = self.device
        response = device.ask()
        self.assertEqual(response.status, 407)
        self.assertEqual(response.all("www-authenticate"), [])
        device.learn(response)
        line = f"Proxy-Authorization: {device.credentials()}"
        self.assertEqual(device.ask([line]).status, 200)


class NonceTests(Authentication):
    """How long a nonce lives, and how often it is good."""

    def _stale(self, response: Response) -> None:
        self.assertEqual(response.status, 401)
        for value in response.all("www-authenticate"):
            self.assertTrue(parse_challenge(value).stale)

    def test_counts_rise(self) -> None:
        """A nonce is used again with a higher count, and never with the same."""
        device = self.device
        for _ in range(3):
            self.assertEqual(device.register().status, 200)
        device.count -= 1
        self._stale(device.authenticated())
        device.count -= 2
        self._stale(device.authenticated())
        device.count = 10
        self.assertEqual(device.authenticated().status, 200)

    def test_first_use_in_time(self) -> None:
        """SS_SIP_AUTHENTICATION_TIMEOUT: later it is stale, and no failure."""
        device = self.device
        for _ in range(20):
            device.learn(device.ask())
            self.switch.advance(10.1)
            self._stale(device.authenticated())
        device.learn(device.ask())
        self.switch.advance(9.9)
        self.assertEqual(device.authenticated().status, 200)

    def test_end_of_life(self) -> None:
        """A nonce in use is good for five minutes."""
        device = self.device
        self.assertEqual(device.register().status, 200)
        self.switch.clock.advance(challenger.LIFETIME - 1)
        self.assertEqual(device.register().status, 200)
        self.switch.clock.advance(2)
        response = device.register()
        self._stale(response)
        device.learn(response)
        self.assertEqual(device.register().status, 200)

    def test_bound_to_the_address(self) -> None:
        """What was seen on the wire is worth nothing from elsewhere."""
        device = self.device
        device.learn(device.ask())
        other = Device(self.switch, address=ELSEWHERE, call_id="other")
        other.challenge = device.challenge
        self._stale(other.authenticated())
        other.password = "wrong"
        for _ in range(20):
            self._stale(other.authenticated())
        self.assertEqual(device.authenticated().status, 200)

    def test_made_up(self) -> None:
        """A nonce that is not ours tells nothing of the password."""
        device = self.device
        device.learn(device.ask())
        assert device.challenge is not None
        good = device.challenge.nonce
        for nonce in ("x", good[:-1], good[:-1] + "_", "ü" * 32, "A" * 32):
            for password in ("secret", "wrong"):
                device.password = password
                text = f'Digest realm="vos3000", nonce="{nonce}", algorithm=SHA-256'
                device.challenge = parse_challenge(text + ', qop="auth"')
                self._stale(device.authenticated())

    def test_memory(self) -> None:
        """Nonces in use are bounded; a forgotten one is never taken again."""
        nonces = Nonces(b"key", self.switch.now, 3)
        made = []
        for _ in range(5):
            made.append(nonces.make("h"))
            self.switch.clock.advance(0.01)
        for place, nonce in enumerate(made):
            issued = nonces.read(nonce, "h")
            assert issued is not None
            self.assertTrue(nonces.take(nonce, issued, 1, 10), place)
        self.assertEqual(len(nonces), 3)
        for nonce in made:
            issued = nonces.read(nonce, "h")
            assert issued is not None
            self.assertFalse(nonces.take(nonce, issued, 1, 10))
        self.switch.clock.advance(challenger.LIFETIME + 1)
        last = nonces.make("h")
        issued = nonces.read(last, "h")
        assert issued is not None
        self.assertTrue(nonces.take(last, issued, 1, 10))
        self.assertEqual(len(nonces), 1)

    def test_many_that_are_over(self) -> None:
        """They are forgotten by and by, some for each that is used."""
        nonces = Nonces(b"key", self.switch.now)
        for count in (100, 1, 1):
            for _ in range(count):
                nonce = nonces.make("h")
                issued = nonces.read(nonce, "h")
                assert issued is not None
                self.assertTrue(nonces.take(nonce, issued, 1, 10))
            if count == 100:
                self.switch.clock.advance(challenger.LIFETIME + 1)
        self.assertLess(len(nonces), 102 - 2)
        self.assertGreater(len(nonces), 50)


class WrongPasswordTests(Authentication):
    """What happens to who does not know the password."""

    def _guess(self, device: Device) -> list[int]:
        """Statuses of guesses that follow each challenge."""
        device.password = "wrong"
        statuses = []
        response = device.ask()
        while response.status == 401:
            device.learn(response)
            response = device.authenticated()
            statuses.append(response.status)
        return statuses

    def test_retries(self) -> None:
        """SS_SIP_AUTHENTICATION_RETRY: twice again, then refused."""
        self.assertEqual(self._guess(self.device), [401, 401, 403])

    def test_unknown_users_look_the_same(self) -> None:
        """Status, headers and their order, and when it is suspended."""
        seen = []
        for user in ("1001", "9999"):
            device = Device(self.switch, user)
            self._guess(device)
            told = [device.ask()]
            device.learn(told[0])
            told += [device.authenticated() for _ in range(5)]
            told.append(device.ask())
            seen.append([(each.status, [n for n, _ in each.items()]) for each in told])
        self.assertEqual(seen[0], seen[1])
        self.assertEqual(seen[0][-1][0], 403)

    def test_suspended_with_the_right_password(self) -> None:
        """After six wrong ones nothing is taken for three minutes."""
        self._guess(self.device)
        self._guess(self.device)
        self.device.password = "secret"
        self.device.learn(Device(self.switch, "1002", call_id="x").ask())
        self.assertEqual(self.device.authenticated().status, 403)
        self.assertEqual(self.device.ask().status, 403)
        self.switch.advance(181)
        self.device.challenge = None
        self.assertEqual(self.device.register().status, 200)

    def test_not_from_elsewhere(self) -> None:
        """An attacker cannot lock the user out."""
        attacker = Device(self.switch, address=ELSEWHERE, call_id="attack")
        for _ in range(4):
            self._guess(attacker)
        self.assertEqual(attacker.ask().status, 403)
        self.assertEqual(self.device.register().status, 200)

    def test_not_by_forged_questions(self) -> None:
        """
        Nor can one who sends in the name of its address: the phone is challenged,
        though not as often as it is asked for, and its password counts.
        """
        for number in range(30):
            Device(self.switch, f"u{number}", call_id=f"forged{number}").ask()
        self.switch.advance(ANSWER_TIME)
        self.assertEqual(self.device.ask().status, 401)
        self.assertEqual(self.device.ask().status, 403)
        self.switch.advance(BETWEEN)
        self.assertEqual(self.device.register().status, 200)
        self.assertEqual(self.device.register().status, 200)

    def test_another_request(self) -> None:
        """Credentials for one number do not pay for a call to another."""
        device = self.device
        device.learn(device.ask())
        given = device.credentials("INVITE", "sip:2000@192.0.2.1")
        for to, expected in (("2000", 1), ("3000", 3)):
            data = device.make([f"Authorization: {given}"], method="INVITE", to=to)
            request = parse(data)
            assert isinstance(request, Request)
            verdict = self.switch.registration.challenger.check(request, HOME)
            self.assertEqual(verdict.outcome.value, expected, verdict)
            device.learn(device.ask())
            given = device.credentials("INVITE", "sip:2000@192.0.2.1")


class SilenceTests(Authentication):
    """SS_REPLY_UNAUTHORIZED off."""

    parameters = {"SS_REPLY_UNAUTHORIZED": "Off", "SS_SIP_AUTHENTICATION_RETRY": "0"}

    def test_challenged_all_the_same(self) -> None:
        """A phone can register from anywhere; a refusal is silence."""
        self.assertEqual(self.device.register().status, 200)
        other = Device(self.switch, "9999", address=ELSEWHERE)
        other.learn(other.ask())
        other.send(other.make([f"Authorization: {other.credentials()}"]))
        self.assertEqual(self.switch.channel.sent, [])
        self.assertFalse(self.switch.core.layer.busy())
