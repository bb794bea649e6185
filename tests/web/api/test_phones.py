"""
Tests of CreatePhone, ModifyPhone, DeletePhone and GetPhone, on the real stores.
"""

from __future__ import annotations

import json
from typing import Any

from tests.web.site import CONTRACT, NOON, WebCase
from vos3000.db import phonefields
from vos3000.web.contract import Field

FORWARD = {"forwardMethod": 2, "alertSecond": 20, "e164": "1002,1003"}


def sample(field: Field) -> Any:
    """A value that is no type's default."""
    if field.choices:
        return field.choices[-1]
    if field.words:
        return [field.words[0], field.words[-1]]
    kinds = {"Integer": 2, "Boolean": True, "Double": 0.000001}
    return kinds.get(field.type, "x,客户")


def samples(name: str) -> dict[str, Any]:
    """A value for each field of a type of the contract."""
    return {
        field.name: sample(field)
        for field in CONTRACT.types[name]
        if field.name not in CONTRACT.types and not field.type.startswith("Info")
    }


def record() -> dict[str, Any]:
    """A phone with every field set to something of its own."""
    rules = dict.fromkeys(
        ("rewriteRulesOutCallee", "rewriteRulesInCallee", "rewriteRulesInCaller"),
        "0:1,*:9*",
    )
    additional = samples("InfoPhoneAdditional")
    additional.update(ip="192.0.2.7", localIp="192.0.2.1", port=5070)
    services = samples("InfoPhoneValueAdded")
    for name in ("unconditional", "noAnswer", "offline", "busy"):
        services[f"{name}ForwardE164"] = FORWARD
    services["infoPhoneValueAddedPeriodForwardings"] = [
        {
            "weekOfDay": "0,6",
            "beginSecondInDay": 1,
            "endSecondInDay": 3600,
            "forwardE164": FORWARD,
        }
    ]
    return {
        **samples("PhoneFields"),
        **rules,
        "e164": "1001",
        "account": "A",
        "displayNumber": "+493012",
        "feerateGroup": "G",
        "dids": "2001,2002",
        "infoPhoneAdditional": additional,
        "infoPhoneValueAdded": services,
    }


class PhoneCase(WebCase):
    """Tests on a switch with an account and a rate group."""

    def setUp(self) -> None:
        super().setUp()
        self.do("CreateCustomer", account="A", name="a")
        self.do("CreateFeeRateGroup", name="G")

    def create(self, e164: str = "1001", /, **fields: Any) -> Any:
        """Make a phone that is to have no account of its own."""
        given = {"e164": e164, "autoCreateAccount": False, **fields}
        return self.do("CreatePhone", **given)

    def modify(self, **fields: Any) -> None:
        """Change the phone."""
        self.do("ModifyPhone", e164="1001", **fields)

    def get(self, e164: str = "1001") -> dict[str, Any]:
        """The record of one phone, as a client parses it."""
        body = json.dumps({"e164s": [e164]})
        (found,) = json.loads(self.post("GetPhone", body))["infoPhones"]
        return dict(found)

    def numbers(self, **fields: Any) -> list[str]:
        """The phones that a query finds."""
        return [each["e164"] for each in self.do("GetPhone", **fields)["infoPhones"]]

    def refused(self, verb: str, expected: str, **fields: Any) -> None:
        """The request is refused with this text, and nothing is changed."""
        before = self.get() if self.numbers(e164s=["1001"]) else None
        given = {"e164": "1001", "autoCreateAccount": False, **fields}
        answer = self.ask(f"{verb}Phone", **given)
        self.assertEqual(answer["exception"], expected)
        self.assertLess(answer["retCode"], 0)
        if before is not None:
            self.assertEqual(self.get(), before)


class RecordTests(PhoneCase):
    """What is sent is what is kept."""

    def test_every_field(self) -> None:
        """Every field of the contract comes back as it was sent."""
        given = record()
        self.create(**{k: v for k, v in given.items() if k != "e164"})
        self.assertEqual(self.get(), given)

    def test_names_and_order(self) -> None:
        """An answer has the contract's fields in its order, and no others."""
        self.create(**{k: v for k, v in record().items() if k != "e164"})
        found = self.get()
        expected = [f.name for f in CONTRACT.types["InfoPhone"]]
        self.assertEqual(list(found), expected)
        for name in ("infoPhoneAdditional", "InfoPhoneValueAdded"):
            kind = name[0].upper() + name[1:]
            field = name[0].lower() + name[1:]
            expected = [f.name for f in CONTRACT.types[kind]]
            self.assertEqual(list(found[field]), expected)

    def test_bytes(self) -> None:
        """The answer of one phone, to the byte where it begins and ends."""
        self.create(password="p", monthlyRentFee="1.5", dids="2001")
        text = self.post("GetPhone", '{"e164s":["1001"]}')
        begins = (
            '{"retCode":0,"infoPhones":[{"e164":"1001","account":"","password":"p",'
            '"displayNumber":"","lockType":0,"callLevel":5,"feerateGroup":"",'
            '"monthlyMoneyMinimum":0.0,"monthlyMoneyMaximum":0.0,'
            '"monthlyRentFee":1.5,'
        )
        self.assertTrue(text.startswith(begins), text)
        self.assertTrue(text.endswith('"sipResponseAddress":0}}]}'), text)
        self.assertIn('"dids":"2001","memo":"","infoPhoneValueAdded":{', text)

    def test_written_back(self) -> None:
        """A record that was read can be written back whole, and nothing changes."""
        self.create(**{k: v for k, v in record().items() if k != "e164"})
        before = self.get()
        self.assertEqual(self.post("ModifyPhone", json.dumps(before)), '{"retCode":0}')
        self.assertEqual(self.get(), before)

    def test_defaults_written_back(self) -> None:
        """So can that of a phone with nothing but a number."""
        self.create()
        before = self.get()
        self.do("ModifyPhone", **before)
        self.assertEqual(self.get(), before)

    def test_modify_keeps_what_is_left_out(self) -> None:
        """One field, one nested field, one of a record inside a nested one."""
        self.create(**{k: v for k, v in record().items() if k != "e164"})
        expected = self.get()
        self.modify(
            lockType="3",
            infoPhoneAdditional={"port": 5080},
            infoPhoneValueAdded={"busyForwardE164": {"alertSecond": 5}},
        )
        expected["lockType"] = 3
        expected["infoPhoneAdditional"]["port"] = 5080
        forward = expected["infoPhoneValueAdded"]["busyForwardE164"]
        forward["alertSecond"] = 5
        self.assertEqual(self.get(), expected)

    def test_spellings(self) -> None:
        """Both spellings of two names, and call level 3 for 4."""
        self.create(feeRateGroup="G", phoneBookLimit=7, callLevel=3)
        found = self.get()
        self.assertEqual((found["feerateGroup"], found["phonebookLimit"]), ("G", 7))
        self.assertEqual(found["callLevel"], 4)

    def test_emptied(self) -> None:
        """An empty text empties; null leaves it as it is."""
        self.create(memo="m", dids="2001")
        self.modify(memo=None, dids="")
        self.assertEqual((self.get()["memo"], self.get()["dids"]), ("m", ""))


class PasswordTests(PhoneCase):
    """Passwords that are made, and those that are given."""

    def test_made(self) -> None:
        """Without one a phone gets one of SERVER_PASSWORD_LENGTH, and tells it."""
        self.switch.password_length = 63
        text = self.post("CreatePhone", '{"e164":"1001","autoCreateAccount":false}')
        signs = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
        self.assertEqual(text, f'{{"retCode":0,"password":"{signs}"}}')
        self.assertEqual(self.get()["password"], signs)
        self.switch.password_length = 10
        for empty in ("", None):
            self.do("DeletePhone", e164="1001")
            self.assertEqual(len(self.create(password=empty)["password"]), 10)

    def test_given(self) -> None:
        """One that was sent is not repeated."""
        self.assertEqual(self.create(password="geheim ü"), {"retCode": 0})
        self.assertEqual(self.get()["password"], "geheim ü")


class AccountTests(PhoneCase):
    """autoCreateAccount."""

    def test_opened(self) -> None:
        """An account of the phone's number, to be used at once."""
        self.create(autoCreateAccount="true", password="p")
        self.assertEqual(self.get()["account"], "1001")
        (opened,) = self.do("GetCustomer", accounts=["1001"])["infoCustomers"]
        self.assertEqual((opened["name"], opened["startTime"]), ("1001", NOON * 1000))
        self.assertIsNotNone(self.switch.accounts.get("1001"))

    def test_must_be_said(self) -> None:
        """The contract wants it said."""
        answer = self.ask("CreatePhone", e164="1001")
        self.assertEqual(
            (answer["retCode"], answer["exception"]),
            (-10124, "Input parameter error: autoCreateAccount is missing"),
        )

    def test_taken(self) -> None:
        """An account of that number is another's: neither phone nor account."""
        self.do("CreateCustomer", account="1001", name="n")
        given = {"e164": "1001", "autoCreateAccount": True, "password": "p"}
        self.assertEqual(self.code("CreatePhone", **given), -20001)
        self.assertEqual(self.numbers(e164s=["1001"]), [])

    def test_joined(self) -> None:
        """A named account that is there is the phone's."""
        self.create(autoCreateAccount=True, account="A")
        self.assertEqual(self.get()["account"], "A")

    def test_account_with_phones(self) -> None:
        """One that names an account's phones finds it by GetCustomer's e164s."""
        self.create(account="A", dids="2001")
        for number in ("1001", "2001"):
            (found,) = self.do("GetCustomer", e164s=[number])["infoCustomers"]
            self.assertEqual(found["account"], "A")
        self.assertEqual(self.do("GetCustomer", e164s=["9"])["infoCustomers"], [])

    def test_pay(self) -> None:
        """Money can be paid to a phone: its account gets it."""
        self.create(account="A")
        paid = self.do("Pay", ownerName="1001", ownerType=6, money="5")["infoPay"]
        self.assertEqual((paid["account"], paid["money"]), ("A", 5))
        self.assertEqual(
            self.code("Pay", ownerName="9", ownerType=6, money="5"), -10007
        )


class QueryTests(PhoneCase):
    """GetPhone and DeletePhone."""

    def test_neither(self) -> None:
        """One of e164s and accounts is needed, as a real server says."""
        for body in ("{}", "", '{"e164s":[]}', '{"e164s":"","accounts":null}'):
            self.assertEqual(
                self.post("GetPhone", body),
                '{"retCode":-12103,"exception":"Miss parameters"}',
            )

    def test_found(self) -> None:
        """By number and by account."""
        self.create("1001", account="A")
        self.create("1002")
        for fields, expected in (
            ({"e164s": ["1002", "9"]}, ["1002"]),
            ({"accounts": ["A"]}, ["1001"]),
            ({"e164s": "1002", "accounts": "A,B"}, ["1002", "1001"]),
        ):
            self.assertEqual(self.numbers(**fields), expected)
        self.assertEqual(
            self.post("GetPhone", '{"e164s":["9"]}'), '{"retCode":0,"infoPhones":[]}'
        )

    def test_delete(self) -> None:
        """A phone that was deleted is gone, for calls as well."""
        self.create()
        self.assertEqual(self.post("DeletePhone", '{"e164":"1001"}'), '{"retCode":0}')
        self.assertEqual(self.numbers(e164s=["1001"]), [])
        self.assertEqual(self.switch.handed["phones"], [])
        self.assertEqual(self.code("DeletePhone", e164="1001"), -10007)

    def test_in_effect_at_once(self) -> None:
        """The engines have a change before it is answered."""
        self.create()
        self.modify(displayNumber="49301")
        (phone,) = self.switch.handed["phones"]
        self.assertEqual(phone.display_number, "49301")


class RefusalTests(PhoneCase):
    """What is refused, and how it is told."""

    def test_codes(self) -> None:
        """Each kind of refusal has its code."""
        self.create("1001", dids="2001")
        given = {"autoCreateAccount": False}
        for expected, name, fields in (
            (-20001, "CreatePhone", {"e164": "1001"}),
            (-20001, "CreatePhone", {"e164": "2001"}),
            (-20001, "CreatePhone", {"e164": "1002", "dids": "2001"}),
            (-10007, "CreatePhone", {"e164": "1002", "account": "none"}),
            (-10007, "CreatePhone", {"e164": "1002", "feerateGroup": "none"}),
            (-10007, "ModifyPhone", {"e164": "1002"}),
            (-10007, "ModifyPhone", {"e164": "1001", "account": "none"}),
            (-10124, "CreatePhone", {}),
            (-10124, "CreatePhone", {"e164": "1002", "lockType": 4}),
        ):
            self.assertEqual(self.code(name, **given, **fields), expected, fields)
        self.assertEqual(self.numbers(e164s=["1002"]), [])

    def test_forms(self) -> None:
        """Texts that mean nothing are refused by name; nothing is changed."""
        self.create()
        wrong = "Input parameter error: "
        number = "is no number of 1 to 64 digits, letters and + * # _ . -"
        for field, text, problem in (
            ("displayNumber", "1 2", f"'1 2' {number}"),
            ("dids", "2001,2001", "'2001' stands there twice"),
            ("dids", "1001", "'1001' is the phone's own number"),
            ("rewriteRulesInCallee", "0", "'0': a rule is original:target"),
        ):
            self.refused("Modify", f"{wrong}{field}: {problem}", **{field: text})
        self.refused("Create", f"{wrong}e164: '' {number}", e164="")
        self.refused("Create", f"{wrong}e164: {'1' * 65!r} {number}", e164="1" * 65)
        separated = "'030-12' has separators, which a number loses"
        self.refused("Create", f"{wrong}e164: {separated}", e164="030-12")

    def test_nested_forms(self) -> None:
        """Nested ones likewise."""
        self.create()
        wrong = "Input parameter error: "
        for field, value, problem in (
            ("ip", "x", "ip: 'x' does not appear to be an IPv4 or IPv6 address"),
            ("port", 65536, "port must be 0 to 65535"),
            ("callDurationLimit", -2, "callDurationLimit must be -1, 0 or seconds"),
            (
                "sipCodecs",
                ["audio/none"],
                "infoPhoneAdditional.sipCodecs[0] is not one of the names the"
                " manual lists",
            ),
        ):
            self.refused("Modify", wrong + problem, infoPhoneAdditional={field: value})

    def test_forwards(self) -> None:
        """Numbers that calls are sent on to can be called."""
        self.create()
        wrong = "Input parameter error: "
        period = "infoPhoneValueAddedPeriodForwardings"
        twice = "e164: '49' stands there twice"
        for services, problem in (
            ({"busyForwardE164": {"e164": "49,49"}}, twice),
            ({period: [{"forwardE164": {"e164": "49,49"}}]}, twice),
        ):
            self.refused("Modify", wrong + problem, infoPhoneValueAdded=services)


class ExtensionTests(PhoneCase):
    """Settings that VOS3000's interface does not have."""

    def stored(self) -> dict[str, Any]:
        """Every additional setting of the phone."""
        store = self.switch.stores.phones
        (found,) = self.successResultOf(store.fetch(["1001"], more=True))
        additional: dict[str, Any] = found["infoPhoneAdditional"]
        return additional

    def test_taken(self) -> None:
        """They can be sent, and never come back: answers are the manual's."""
        sent = {
            "sipLocalDomain": "sip.example.net",
            "sipInviteHeaders": "X-Tenant: acme\nX-Caller: ${caller}",
            "sipExtraHeaders": "X-Account,User-to-User",
            "sipReason": 2,
            "sipOptionsPeriod": "60",
            "sipPtime": 30,
            "sipSdpIpFirst": "true",
            "sipRecognizeForwardSignal": True,
            "sipSendForwardSignal": 3,
            "sipRedirectServer": "192.0.2.5:5070;transport=tcp",
            "sipUserPhone": True,
            "sipDisplay": False,
            "sipRemotePartyId": True,
        }
        self.assertEqual(
            list(sent), [field.name for field in phonefields.ADDITIONAL_MORE]
        )
        self.create(infoPhoneAdditional=sent)
        expected = {**sent, "sipOptionsPeriod": 60, "sipSdpIpFirst": True}
        stored = self.stored()
        self.assertEqual({name: stored[name] for name in sent}, expected)
        shown = self.get()["infoPhoneAdditional"]
        self.assertEqual(sent.keys() & shown.keys(), set())
        self.do("ModifyPhone", **self.get())
        self.assertEqual(self.stored(), stored)

    def test_refused(self) -> None:
        """A value that means nothing is refused by name; nothing is changed."""
        self.create()
        before = self.stored()
        for field, value in (
            ("sipLocalDomain", "a b"),
            ("sipInviteHeaders", "no header"),
            ("sipExtraHeaders", "a b"),
            ("sipReason", 3),
            ("sipOptionsPeriod", -1),
            ("sipPtime", 1001),
            ("sipSdpIpFirst", "perhaps"),
            ("sipSendForwardSignal", 4),
            ("sipRedirectServer", "192.0.2.5;transport=sctp"),
        ):
            changes = {"e164": "1001", "infoPhoneAdditional": {field: value}}
            answer = self.ask("ModifyPhone", **changes)
            self.assertEqual(answer["retCode"], -10124, field)
            self.assertIn(field, answer["exception"])
            self.assertEqual(self.stored(), before, field)
