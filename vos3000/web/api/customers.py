"""
Accounts: CreateCustomer, GetCustomer, GetAllCustomers, Pay.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import tzinfo
from decimal import Decimal
from typing import Any

import attrs

from vos3000.billing.accounts import Accounts
from vos3000.db.changes import By
from vos3000.db.customers import DEDUCT, OTHER, PAY, CustomerRecord, CustomerStore
from vos3000.db.gateways import GatewayStore
from vos3000.db.phones import PhoneStore
from vos3000.errors import NotFound
from vos3000.instant import Now
from vos3000.model.accounts import Customer
from vos3000.model.money import parse_decimal
from vos3000.web.endpoint import Answering, Changing, Endpoint, Refresh
from vos3000.web.requests import Fields
from vos3000.web.retcodes import BAD_INPUT, MISSING, refusal
from vos3000.web.times import midnight

OPERATOR = "web"
"""Who stands in the payment history for what came by this interface."""

_ACCOUNT = 2
_PHONE = 6
_MAPPING_GATEWAY = 44
_DIRECT_CHILDREN = 1


def _amount(value: Decimal, name: str) -> Decimal:
    """C{value} as an amount of money, exactly."""
    try:
        return parse_decimal(str(value))
    except ValueError as problem:
        raise refusal(BAD_INPUT, f"{name}: {problem}") from None


def _below(agent: str, customers: Iterable[Customer], direct: bool) -> set[str]:
    """The accounts below an agent; each once, even where agents form a ring."""
    children: dict[str, list[str]] = defaultdict(list)
    for customer in customers:
        if customer.agent_account:
            children[customer.agent_account].append(customer.account)
    if direct:
        return set(children[agent])
    found: set[str] = set()
    waiting = [agent]
    while waiting:
        for account in children[waiting.pop()]:
            if account not in found:
                found.add(account)
                waiting.append(account)
    return found


@attrs.frozen(slots=True)
class Customers:
    """
    The interfaces about accounts.

    @ivar accounts: The live balances.
    @ivar mapping: Where a mapping gateway's account is found.
    @ivar phones: Where a phone's account is found.
    """

    store: CustomerStore
    accounts: Accounts
    mapping: GatewayStore
    phones: PhoneStore
    refresh: Refresh
    now: Now
    zone: tzinfo

    def endpoints(self) -> list[Answering]:
        """What this module answers."""
        return [
            Changing("CreateCustomer", self._create),
            Endpoint("GetCustomer", self._get),
            Endpoint("GetAllCustomers", self._get_all),
            Changing("Pay", self._pay),
        ]

    def _money(self, customer: Customer) -> Decimal:
        """The live balance; for an account not in use yet, the committed one."""
        if self.accounts.get(customer.account) is None:
            return customer.money
        return self.accounts.money(customer.account)

    async def _create(self, fields: Fields, by: By) -> Mapping[str, Any]:
        if not fields["account"]:
            raise refusal(BAD_INPUT, "account is empty")
        for name in ("money", "limitMoney"):
            fields[name] = _amount(fields[name], name)
        await self.store.create(fields, self.now().wall, by)
        await self.refresh("e_customer")
        return {}

    async def _get(self, fields: Fields) -> Mapping[str, Any]:
        accounts = fields.get("accounts")
        agent = fields.get("filterAgentAccount")
        if not (accounts or fields.get("e164s") or agent):
            raise refusal(MISSING)
        numbers = fields.get("e164s")
        if numbers:
            accounts = [*(accounts or ()), *await self.phones.accounts(numbers)]
        wanted = None if agent and not (accounts or numbers) else accounts or []
        since = midnight(self.now().wall, self.zone)
        records = await self.store.records(wanted, since)
        everybody = await self.store.all()
        if agent:
            direct = agent["querySonMode"] == _DIRECT_CHILDREN
            allowed = _below(agent["filterAgentAccount"], everybody, direct)
            records = [r for r in records if r.customer.account in allowed]
        if "type" in fields:
            records = [r for r in records if r.customer.type == fields["type"]]
        agents = {customer.agent_account for customer in everybody}
        return {"infoCustomers": [self._info(r, agents) for r in records]}

    def _info(self, record: CustomerRecord, agents: set[str]) -> Mapping[str, Any]:
        customer = record.customer
        return {
            "account": customer.account,
            "name": customer.name,
            "money": self._money(customer),
            "limitMoney": customer.limit_money,
            "feeRateGroup": customer.fee_rate_group,
            "type": customer.type,
            "lockType": customer.lock_type,
            "agentAccount": customer.agent_account,
            "phoneBookLimit": customer.phone_book_limit,
            "startTime": customer.start_time,
            "validTime": customer.valid_time,
            "ctdBillingType": customer.ctd_billing_type,
            "canceled": customer.canceled,
            "memo": customer.memo,
            "infoCustomerAdditional": record.additional,
            "todayConsumption": record.today_consumption,
            "category": int(customer.account in agents),
            "bindedE164s": record.binded_e164s,
        }

    async def _get_all(self, fields: Fields) -> Mapping[str, Any]:
        customers = [c for c in await self.store.all() if not c.canceled]
        if not fields["type"]:
            return {"accounts": [customer.account for customer in customers]}
        briefs = [
            {
                "account": customer.account,
                "money": self._money(customer),
                "limitMoney": customer.limit_money,
            }
            for customer in customers
        ]
        return {"infoCustomerBriefs": briefs}

    async def _pay(self, fields: Fields, by: By) -> Mapping[str, Any]:
        amount = _amount(fields["money"], "money")
        if not amount:
            raise refusal(BAD_INPUT, "money is 0")
        account = await self._owner(fields["ownerType"], fields["ownerName"])
        paid = await self.store.pay(
            account,
            amount,
            fields.get("memo", ""),
            PAY if amount > 0 else DEDUCT,
            OTHER,
            OPERATOR,
            self.now().wall,
            by,
        )
        self.accounts.credit(account, amount)
        known = self.accounts.get(account) is not None
        money = self.accounts.money(account) if known else paid.money_after_committed
        return {
            "infoPay": {
                "account": account,
                "money": money,
                "validTime": paid.valid_time,
                "payMoney": amount,
            }
        }

    async def _owner(self, kind: int, name: str) -> str:
        """
        The account behind what is paid for.

        @raise NotFound: Also for kinds of objects that this release has none
            of: cards and bound numbers.
        """
        if kind == _ACCOUNT:
            return name
        if kind == _PHONE:
            for found in await self.phones.accounts([name]):
                return found
        if kind == _MAPPING_GATEWAY:
            for gateway in await self.mapping.fetch([name]):
                if gateway["account"]:
                    account: str = gateway["account"]
                    return account
        raise NotFound("ownerName", name)
