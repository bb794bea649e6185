"""
Tests of CreateCustomer, GetCustomer, GetAllCustomers and Pay, on the real
stores: what is answered, what is in the rows, what calls may spend.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.rows import cdr, rows
from tests.web.site import NOON, WebCase
from vos3000.model.accounts import ENDLESS, Movement


class CustomerCase(WebCase):
    """A switch with an account."""

    def rows(self, query: str) -> list[Any]:
        """What stands in the database."""
        return rows(self.switch.connection, query)

    def get(self, account: str) -> dict[str, Any]:
        (found,) = self.do("GetCustomer", accounts=[account])["infoCustomers"]
        return dict(found)


class CreateCustomerTests(CustomerCase):
    """CreateCustomer."""

    def test_account_alone(self) -> None:
        """An account number is enough; it is the name as well, and never expires."""
        self.assertEqual(
            self.post("CreateCustomer", '{"account":"1001"}'), '{"retCode":0}'
        )
        self.assertEqual(
            self.post("GetCustomer", '{"accounts":["1001"]}'),
            '{"retCode":0,"infoCustomers":[{"account":"1001","name":"1001",'
            '"money":0.0,"limitMoney":0.0,"feeRateGroup":"","type":0,"lockType":0,'
            '"agentAccount":"","phoneBookLimit":0,"validTime":9223372036854775807,'
            '"ctdBillingType":0,"memo":"",'
            '"infoCustomerAdditional":{"cardType":0,"reportType":0},'
            f'"canceled":false,"startTime":{NOON}000,"todayConsumption":0.0,'
            '"category":0,"bindedE164s":[]}]}',
        )

    def test_every_field(self) -> None:
        """Every field is kept, strings for numbers included."""
        self.do("CreateFeeRateGroup", name="gold")
        self.do("CreateCustomer", account="1000", name="agent")
        self.do(
            "CreateCustomer",
            account="1001",
            name="客户",
            money="12.345678",
            limitMoney=100,
            feerateGroup="gold",
            type="2",
            lockType="1",
            agentAccount="1000",
            phoneBookLimit="2147483647",
            validTime=1900000000000,
            ctdBillingType=1,
            memo="m",
            infoCustomerAdditional={"cardType": 1, "telephone": "5", "email": "a@b"},
        )
        found = self.get("1001")
        additional = found.pop("infoCustomerAdditional")
        self.assertEqual(
            additional,
            {"cardType": 1, "telephone": "5", "email": "a@b", "reportType": 0},
        )
        expected = {
            "account": "1001",
            "name": "客户",
            "money": Decimal("12.345678"),
            "limitMoney": Decimal(100),
            "feeRateGroup": "gold",
            "type": 2,
            "lockType": 1,
            "agentAccount": "1000",
            "phoneBookLimit": 2147483647,
            "validTime": 1900000000000,
            "ctdBillingType": 1,
            "memo": "m",
        }
        self.assertEqual({name: found[name] for name in expected}, expected)
        self.assertEqual(self.get("1000")["category"], 1)

    def test_next_call_may_spend_it(self) -> None:
        """The account is in use before the answer is there."""
        self.do("CreateCustomer", account="1001", money=5)
        self.assertEqual(self.switch.accounts.money("1001"), Decimal(5))

    def test_opening_money_is_a_payment(self) -> None:
        """The ledger explains the balance from the first cent."""
        self.do("CreateCustomer", account="1001", money="0.10")
        found = self.rows("SELECT account, type, fee FROM e_payhistory")
        self.assertEqual(found, [("1001", 2, 100_000)])

    def test_refused(self) -> None:
        """Bad requests are refused, and no account is made."""
        for body, code, text in (
            ("", -10124, "Input parameter error: account is missing"),
            ('{"account":""}', -10124, "Input parameter error: account is empty"),
            (
                '{"account":"1","money":0.0000001}',
                -10124,
                "Input parameter error: money: '1.00000E-7' has more than 6 digits"
                " after the point",
            ),
            (
                '{"account":"1","feeRateGroup":"none"}',
                -10007,
                "Not found, operation failed. (there is no feeRateGroup 'none')",
            ),
            (
                '{"account":"1","agentAccount":"none"}',
                -10007,
                "Not found, operation failed. (there is no agentAccount 'none')",
            ),
            (
                '{"account":"1","lockType":2}',
                -10124,
                "Input parameter error: lockType must be one of 0, 1",
            ),
            (
                '{"account":"1","infoCustomerAdditional":{"cardType":9}}',
                -10124,
                "Input parameter error: infoCustomerAdditional.cardType must be one"
                " of 0, 1, 2, 3, 4, 5",
            ),
        ):
            self.assertEqual(
                self.post("CreateCustomer", body),
                f'{{"retCode":{code},"exception":"{text}"}}',
            )
        self.assertEqual(self.rows("SELECT * FROM e_customer"), [])
        self.assertEqual(self.rows("SELECT * FROM e_payhistory"), [])

    def test_exists(self) -> None:
        """An account number is given once."""
        self.do("CreateCustomer", account="1001", money=1)
        self.assertEqual(self.code("CreateCustomer", account="1001", money=5), -20001)
        self.assertEqual(self.get("1001")["money"], 1)


class GetCustomerTests(CustomerCase):
    """GetCustomer and GetAllCustomers."""

    def setUp(self) -> None:
        super().setUp()
        self.do("CreateCustomer", account="1", type=0)
        self.do("CreateCustomer", account="2", agentAccount="1", type=0)
        self.do("CreateCustomer", account="3", agentAccount="2", type=2)

    def accounts(self, **fields: Any) -> list[str]:
        found = self.do("GetCustomer", **fields)["infoCustomers"]
        return [info["account"] for info in found]

    def test_choice_is_missing(self) -> None:
        """Without accounts, numbers or an agent nothing is asked."""
        for body in ("", "{}", '{"accounts":[]}', '{"accounts":""}', '{"type":0}'):
            self.assertEqual(
                self.post("GetCustomer", body),
                '{"retCode":-12103,"exception":"Miss parameters"}',
            )

    def test_accounts(self) -> None:
        """Those that exist, in the order asked for; numbers need no quotes."""
        self.assertEqual(self.accounts(accounts=[3, "1", "9", "1"]), ["3", "1"])

    def test_none(self) -> None:
        """A query without hits has an empty list."""
        self.assertEqual(
            self.post("GetCustomer", '{"accounts":["9"]}'),
            '{"retCode":0,"infoCustomers":[]}',
        )
        self.assertEqual(self.accounts(e164s=["555"]), [])

    def test_below_an_agent(self) -> None:
        """All accounts below an agent, or its direct ones; others filtered by it."""
        every = {"filterAgentAccount": "1", "querySonMode": 0}
        direct = {"filterAgentAccount": "1", "querySonMode": "1"}
        self.assertEqual(self.accounts(filterAgentAccount=every), ["2", "3"])
        self.assertEqual(self.accounts(filterAgentAccount=direct), ["2"])
        self.assertEqual(
            self.accounts(accounts=["1", "3"], filterAgentAccount=every), ["3"]
        )

    def test_type(self) -> None:
        """The type restricts."""
        self.assertEqual(self.accounts(accounts=["1", "2", "3"], type="2"), ["3"])

    def test_live_balance(self) -> None:
        """A charge that is not committed yet is missing from the balance."""
        self.do("Pay", ownerName="1", ownerType=2, money=10)
        account = self.switch.accounts.get("1")
        assert account is not None
        account.charge(Decimal("0.25"))
        self.assertEqual(self.get("1")["money"], Decimal("9.75"))
        briefs = self.do("GetAllCustomers", type=1)["infoCustomerBriefs"]
        self.assertEqual(briefs[0]["money"], Decimal("9.75"))

    def test_today_consumption(self) -> None:
        """Records since midnight of the server's zone count."""
        midnight = 1_772_294_400_000
        self.switch.record(
            cdr(customeraccount="1", starttime=midnight, fee=Decimal("0.5")),
            cdr(customeraccount="1", starttime=midnight - 1, fee=Decimal("0.7")),
        )
        self.assertEqual(self.get("1")["todayConsumption"], Decimal("0.5"))

    def test_all(self) -> None:
        """All account numbers, whatever else is sent."""
        expected = '{"retCode":0,"accounts":["1","2","3"]}'
        for body in ("", "{}", '{"type":0}', '{"accounts":""}', '{"Key":1}'):
            self.assertEqual(self.post("GetAllCustomers", body), expected)

    def test_briefs(self) -> None:
        """Type 1 asks for brief records."""
        self.assertEqual(
            self.post("GetAllCustomers", '{"type":"1"}'),
            '{"retCode":0,"infoCustomerBriefs":['
            '{"account":"1","money":0.0,"limitMoney":0.0},'
            '{"account":"2","money":0.0,"limitMoney":0.0},'
            '{"account":"3","money":0.0,"limitMoney":0.0}]}',
        )


class PayTests(CustomerCase):
    """Pay."""

    def setUp(self) -> None:
        super().setUp()
        self.do("CreateCustomer", account="1001")

    def test_credit(self) -> None:
        """A payment is in the answer, the row, the ledger and the live balance."""
        self.assertEqual(
            self.post(
                "Pay", '{"ownerName":"1001","ownerType":2,"money":10.5,"memo":"x"}'
            ),
            '{"retCode":0,"infoPay":{"account":"1001","money":10.5,'
            f'"validTime":{ENDLESS},"payMoney":10.5}}}}',
        )
        self.assertEqual(self.switch.accounts.money("1001"), Decimal("10.5"))
        self.assertEqual(self.rows("SELECT money FROM e_customer"), [(10_500_000,)])
        self.assertEqual(
            self.rows(
                "SELECT account, fee, type, paytype, customermoney, paytime, memo,"
                " operator FROM e_payhistory"
            ),
            [("1001", 10_500_000, 0, 5, 10_500_000, NOON * 1000, "x", "web")],
        )

    def test_deduction(self) -> None:
        """A negative amount is taken off, given as text too."""
        self.do("Pay", ownerName="1001", ownerType="2", money="10")
        answer = self.do("Pay", ownerName="1001", ownerType="2", money="-13")
        self.assertEqual(answer["infoPay"]["money"], -3)
        self.assertEqual(answer["infoPay"]["payMoney"], -13)
        self.assertEqual(
            self.rows("SELECT fee, type FROM e_payhistory ORDER BY id"),
            [(10_000_000, 0), (-13_000_000, 1)],
        )

    def test_exact(self) -> None:
        """A hundred payments of a tenth are ten, to the last digit."""
        for _ in range(100):
            self.do("Pay", ownerName="1001", ownerType=2, money=0.1)
        self.assertEqual(self.switch.accounts.money("1001"), Decimal(10))

    def test_answer_is_the_live_balance(self) -> None:
        """Charges still to be committed are missing from the answer's balance."""
        account = self.switch.accounts.get("1001")
        assert account is not None
        account.charge(Decimal("0.25"))
        answer = self.do("Pay", ownerName="1001", ownerType=2, money=1)
        self.assertEqual(answer["infoPay"]["money"], Decimal("0.75"))

    def test_refresh_does_not_count_twice(self) -> None:
        """Reading the accounts again leaves balances as they are."""
        self.do("Pay", ownerName="1001", ownerType=2, money=1)
        account = self.switch.accounts.get("1001")
        assert account is not None
        account.charge(Decimal("0.25"))
        self.do("CreateCustomer", account="1002")
        self.assertEqual(self.switch.accounts.money("1001"), Decimal("0.75"))
        self.switch.accounts.committed([Movement("1001", Decimal("-0.25"))])
        self.assertEqual(self.switch.accounts.money("1001"), Decimal("0.75"))

    def test_mapping_gateway(self) -> None:
        """A mapping gateway's payment goes to its account."""
        self.do("CreateGatewayMapping", name="gw", account="1001")
        answer = self.do("Pay", ownerName="gw", ownerType=44, money=2)
        self.assertEqual(answer["infoPay"]["account"], "1001")
        self.assertEqual(self.switch.accounts.money("1001"), 2)

    def test_not_found(self) -> None:
        """Owners that are not there, or of kinds that nothing is of yet."""
        self.do("CreateGatewayMapping", name="poor")
        for kind, name in (
            (2, "9"),
            (44, "9"),
            (44, "poor"),
            (6, "1"),
            (11, "1"),
            (25, "1"),
        ):
            self.assertEqual(
                self.post(
                    "Pay", f'{{"ownerName":"{name}","ownerType":{kind},"money":1}}'
                )[:58],
                '{"retCode":-10007,"exception":"Not found, operation failed',
            )
        self.assertEqual(self.rows("SELECT * FROM e_payhistory"), [])

    def test_refused(self) -> None:
        """Bad amounts and kinds are refused, and nothing moves."""
        for fields in (
            {"money": 0},
            {"money": "1e-7"},
            {"money": "x"},
            {"money": 10**12},
            {},
            {"money": 1, "ownerType": 3},
            {"money": 1, "ownerType": None},
            {"money": 1, "ownerName": None},
        ):
            request = {"ownerName": "1001", "ownerType": 2, **fields}
            self.assertEqual(self.code("Pay", **request), -10124, fields)
        self.assertEqual(self.rows("SELECT * FROM e_payhistory"), [])
