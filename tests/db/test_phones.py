"""Tests of phones: every field there and back, and the values made of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from vos3000.db import phonefields
from vos3000.db.customers import CustomerStore
from vos3000.db.gatewayfields import BOOL, INT, JSON, LIST, PRICE, Field
from vos3000.db.phones import PhoneStore
from vos3000.errors import AlreadyExists, NotFound, Referenced
from vos3000.model.gateways import Device, RegisterType
from vos3000.model.phones import Phone

FORWARD = {"forwardMethod": 2, "alertSecond": 20, "e164": "1002,1003"}


def sample(field: Field, number: int) -> Any:
    """A value that is not the default."""
    kinds: dict[str, Any] = {
        INT: number + 2,
        BOOL: not field.default,
        PRICE: Decimal("0.000000000001"),
        LIST: ["audio/PCMA", "audio/G729"],
        JSON: FORWARD,
    }
    return kinds.get(field.kind, f"{field.name} ü")


def samples(fields: tuple[Field, ...]) -> dict[str, Any]:
    """A value for each of them."""
    return {field.name: sample(field, number) for number, field in enumerate(fields)}


def record() -> dict[str, Any]:
    """A phone with every field set to something of its own."""
    own = samples(phonefields.PHONE)
    own.update(e164="1001", account="1000", feerateGroup="", dids="2001,2002")
    return {
        **own,
        "infoPhoneAdditional": samples(phonefields.ADDITIONAL),
        "infoPhoneValueAdded": samples(phonefields.SERVICES),
    }


class PhoneStoreCase(SynchronousTestCase):
    """Tests on a database with one account."""

    def setUp(self) -> None:
        self.connection = rows.empty_database()
        pool = rows.memory_pool(self.connection)
        self.customers = CustomerStore(pool)
        self.store = PhoneStore(pool, self.customers)
        opened = {"account": "1000", "name": "one thousand"}
        self.successResultOf(self.customers.create(opened, rows.NOON))

    def create(self, e164: str = "1001", /, **fields: Any) -> None:
        """Add a phone."""
        self.successResultOf(self.store.create({"e164": e164, **fields}))

    def one(self, e164: str = "1001", more: bool = False) -> dict[str, Any]:
        """The phone as the interface shows it."""
        (found,) = self.successResultOf(self.store.fetch([e164], more=more))
        return found

    def value(self) -> Phone:
        """The first phone's value."""
        return self.successResultOf(self.store.values())[0]


class FieldTests(PhoneStoreCase):
    """What is written is what is read."""

    def test_every_field_of_the_contract_is_kept(self) -> None:
        """Nested as the interface nests them, in the contract's order."""
        given = record()
        self.create(**{k: v for k, v in given.items() if k != "e164"})
        found = self.one()
        self.assertEqual(found, given)
        additional = found["infoPhoneAdditional"]
        self.assertEqual(list(additional), [f.name for f in phonefields.ADDITIONAL])

    def test_defaults(self) -> None:
        """A number alone makes a phone that registers."""
        self.create(memo=None)
        found = self.one()
        self.assertEqual((found["callLevel"], found["account"]), (5, ""))
        self.assertEqual(found["infoPhoneAdditional"]["registerType"], 1)
        self.assertEqual(found["infoPhoneAdditional"]["callDurationLimit"], -1)
        self.assertIsNone(found["infoPhoneValueAdded"]["busyForwardE164"])

    def test_settings_beyond_the_interface(self) -> None:
        """They are kept, and shown to who asks for them."""
        self.create(infoPhoneAdditional={"sipPtime": 30})
        self.assertNotIn("sipPtime", self.one()["infoPhoneAdditional"])
        more = self.one(more=True)["infoPhoneAdditional"]
        self.assertEqual((more["sipPtime"], more["sipDisplay"]), (30, True))

    def test_modify_keeps_what_is_left_out(self) -> None:
        """Also in nested records, and in the records inside those."""
        given = record()
        self.create(**{k: v for k, v in given.items() if k != "e164"})
        changes = {
            "e164": "9",
            "memo": "m",
            "infoPhoneAdditional": {"port": 5070},
            "infoPhoneValueAdded": {"busyForwardE164": {"e164": "1009"}},
        }
        self.successResultOf(self.store.modify("1001", changes))
        given["memo"] = "m"
        given["infoPhoneAdditional"]["port"] = 5070
        given["infoPhoneValueAdded"]["busyForwardE164"] = {**FORWARD, "e164": "1009"}
        self.assertEqual(self.one(), given)

    def test_delete(self) -> None:
        """All of its rows go; its account stays."""
        self.create(account="1000")
        self.successResultOf(self.store.delete("1001"))
        for table in ("e_phone", "e_phonesetting", "e_phoneservice"):
            self.assertEqual(rows.rows(self.connection, f"SELECT * FROM {table}"), [])
        self.failureResultOf(self.store.delete("1001"), NotFound)
        self.assertEqual(list(rows.balances(self.connection)), ["1000"])


class FetchTests(PhoneStoreCase):
    """Which phones are shown."""

    def test_by_number_and_by_account(self) -> None:
        """Those named in their order, then those of accounts, each once."""
        self.create("1001", account="1000")
        self.create("1002")
        self.create("1003", account="1000")
        for e164s, accounts, expected in (
            (["1003", "9", "1001", "1003"], [], ["1003", "1001"]),
            ([], ["1000"], ["1001", "1003"]),
            (["1002", "1003"], ["1000"], ["1002", "1003", "1001"]),
            ([], [], []),
        ):
            found = self.successResultOf(self.store.fetch(e164s, accounts))
            self.assertEqual([each["e164"] for each in found], expected)

    def test_numbers(self) -> None:
        """Every phone with its account, in the order of making."""
        self.create("1002", account="1000")
        self.create("1001")
        found = self.successResultOf(self.store.numbers())
        self.assertEqual(found, [("1002", "1000"), ("1001", "")])

    def test_more_than_one_query_holds(self) -> None:
        """Any number of numbers can be asked for."""
        self.create("1001")
        wanted = [str(number) for number in range(2000)]
        found = self.successResultOf(self.store.fetch(wanted))
        self.assertEqual([each["e164"] for each in found], ["1001"])


class NumberTests(PhoneStoreCase):
    """A number rings one phone only."""

    def refused(self, **fields: Any) -> str:
        """What is said to a phone that cannot be made."""
        failure = self.failureResultOf(self.store.create(fields), AlreadyExists)
        return failure.getErrorMessage()

    def test_taken(self) -> None:
        """By a phone of that number, or as a DID of one."""
        self.create("1001", dids="2001, 2002")
        self.assertEqual(self.refused(e164="1001"), "phone '1001' exists already")
        taken = "phone 1001 with number '%s' exists already"
        self.assertEqual(self.refused(e164="2002"), taken % "2002")
        self.assertEqual(self.refused(e164="1002", dids="9,2001"), taken % "2001")
        self.assertEqual(self.refused(e164="1002", dids="1001"), taken % "1001")

    def test_part_of_a_number(self) -> None:
        """A number within another, or beside one with signs, is free."""
        self.create("1001", dids="12001,2_01")
        self.create("1002", dids="2001,200,2101")

    def test_modify(self) -> None:
        """Its own numbers are no others'; those of others are refused."""
        self.create("1001", dids="2001")
        self.create("1002")
        self.successResultOf(self.store.modify("1001", {"dids": "2001,2002"}))
        changed = self.store.modify("1002", {"dids": "2002", "memo": "m"})
        self.failureResultOf(changed, AlreadyExists)
        self.assertEqual(self.one("1002")["memo"], "")


class AccountTests(PhoneStoreCase):
    """Whose phone it is."""

    def accounts(self) -> list[str]:
        """Every account."""
        return list(rows.balances(self.connection))

    def test_unknown(self) -> None:
        """Neither account nor rate group is made up."""
        for name in ("account", "feerateGroup"):
            made = self.store.create({"e164": "1001", name: "none"})
            self.failureResultOf(made, NotFound)
        self.assertEqual(rows.rows(self.connection, "SELECT * FROM e_phone"), [])

    def test_opened(self) -> None:
        """Under the phone's number where none is named, else under that."""
        self.successResultOf(self.store.create({"e164": "1001"}, rows.NOON))
        named = {"e164": "1002", "account": "2000"}
        self.successResultOf(self.store.create(named, rows.NOON))
        self.assertEqual(self.accounts(), ["1000", "1001", "2000"])
        found = self.successResultOf(self.store.fetch(["1001", "1002"]))
        self.assertEqual([each["account"] for each in found], ["1001", "2000"])
        (opened,) = self.successResultOf(self.customers.records(["1001"]))
        self.assertEqual(opened.customer.start_time, rows.NOON)

    def test_joined(self) -> None:
        """An account that is named and there gets one more phone."""
        named = {"e164": "1001", "account": "1000"}
        self.successResultOf(self.store.create(named, rows.NOON))
        self.assertEqual(self.accounts(), ["1000"])

    def test_number_of_another_account(self) -> None:
        """Nobody's account is taken because its number is the phone's."""
        made = self.store.create({"e164": "1000"}, rows.NOON)
        self.failureResultOf(made, AlreadyExists)
        self.assertEqual(rows.rows(self.connection, "SELECT * FROM e_phone"), [])

    def test_account_with_phones_stays(self) -> None:
        """It cannot be deleted; the refusal names the phones."""
        self.create(account="1000")
        failure = self.failureResultOf(self.customers.delete("1000"), Referenced)
        self.assertIn("phone 1001", failure.getErrorMessage())


class ValueTests(PhoneStoreCase):
    """What call control works with."""

    def test_dynamic(self) -> None:
        """A phone that registers: as a caller, and as a callee."""
        self.create(
            account="1000",
            password="secret",
            displayNumber="4930",
            lockType=1,
            callLevel=2,
            rewriteRulesOutCallee="0:1",
            rewriteRulesInCallee="1:2",
            rewriteRulesInCaller="2:3",
            routingGatewayGroups="a",
            lineCallIn=1,
            lineCallOut=2,
            lineCapacity=3,
            dids="2001, 2002",
            infoPhoneAdditional={
                "ip": "192.0.2.7",
                "callDurationLimit": 60,
                "useRoutingGatewayNotOnline": 1,
                "sipTimerSupport": False,
            },
            infoPhoneValueAdded={"callTransfer": True},
        )
        phone = self.value()
        self.assertEqual((phone.e164, phone.dids), ("1001", ("2001", "2002")))
        self.assertEqual((phone.line_in, phone.line_out, phone.lines), (1, 2, 3))
        self.assertEqual((phone.password, phone.display_number), ("secret", "4930"))
        self.assertTrue(phone.unreachable_by_gateway)
        origin, route = phone.origin, phone.route
        self.assertIs(origin.device, Device.PHONE)
        self.assertIs(route.device, Device.PHONE)
        self.assertEqual((origin.name, origin.account), ("1001", "1000"))
        self.assertEqual((origin.lock_type, origin.call_level), (1, 2))
        self.assertEqual((origin.rewrite_callee, origin.rewrite_caller), ("0:1", ""))
        self.assertEqual((origin.max_duration, route.max_duration), ((60, 60),) * 2)
        self.assertEqual((route.rewrite_callee, route.rewrite_caller), ("1:2", "2:3"))
        self.assertEqual((route.remote_ip, route.register_type), ("", 1))
        self.assertEqual(origin.settings.get("routingGatewayGroups"), "a")
        self.assertFalse(origin.sip.timer)
        self.assertTrue(origin.sip.allows_transfer)

    def test_static(self) -> None:
        """A phone at an address is called there."""
        additional = {"registerType": 0, "ip": "192.0.2.7", "port": 5070}
        self.create(infoPhoneAdditional=additional)
        phone = self.value()
        self.assertEqual(phone.register_type, RegisterType.STATIC)
        self.assertEqual(phone.origin.remote_ips, ("192.0.2.7",))
        self.assertEqual(
            (phone.route.remote_ip, phone.route.signal_port), ("192.0.2.7", 5070)
        )

    def test_settings_hold_what_differs(self) -> None:
        """And nothing secret: phones are many."""
        self.create(password="secret", customerPassword="other")
        self.assertEqual(self.value().settings, {"e164": "1001"})
        self.assertNotIn("secret", repr(self.value()))
