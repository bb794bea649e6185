"""
The schema as this release knows it, for SQLite and for MariaDB.

Tables are VOS3000's. Columns whose real names are known have them; the others
are the web interface's field names in lower case. This module is for
migrations, tools and tests: nothing on the way of a call imports it, and the
migrations do not either, because a released migration must not change.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from vos3000.db import gatewayfields, phonefields
from vos3000.db.gatewayfields import BIG, BOOL, CORE, INT, PRICE, SECRET, TEXT, Field
from vos3000.model.cdr import AMOUNT_COLUMNS, COLUMNS

metadata = sa.MetaData()

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A key; on SQLite the row's own number."""

AMOUNT = sa.BigInteger().with_variant(sa.Numeric(18, 6), "mysql")
"""An amount: whole millionths on SQLite."""

RATE_PRICE = sa.Text().with_variant(sa.Numeric(24, 12), "mysql")
"""The price of a rate: a plain decimal number as text on SQLite."""


def _text(name: str, length: int = 255) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False, server_default="")


def _int(name: str, default: int = 0) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default=str(default))


def _big(name: str, default: int = 0) -> sa.Column[int]:
    kind = sa.BigInteger()
    return sa.Column(name, kind, nullable=False, server_default=str(default))


def _amount(name: str) -> sa.Column[Any]:
    return sa.Column(name, AMOUNT, nullable=False, server_default="0")


def _price(name: str) -> sa.Column[Any]:
    return sa.Column(name, RATE_PRICE, nullable=False, server_default="0")


def _id() -> sa.Column[int]:
    return sa.Column("id", ID, primary_key=True, autoincrement=False)


def _table(name: str, *parts: sa.schema.SchemaItem) -> sa.Table[Any]:
    return sa.Table(
        name,
        metadata,
        *parts,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


def _field(field: Field) -> sa.Column[Any]:
    """The column of a gateway's field; the defaults are the store's."""
    kinds: dict[str, Any] = {
        TEXT: sa.String(255),
        SECRET: sa.String(255),
        INT: sa.Integer(),
        BIG: sa.BigInteger(),
        BOOL: sa.SmallInteger(),
        PRICE: RATE_PRICE,
    }
    return sa.Column(field.column, kinds.get(field.kind, sa.Text()))


def _gateway(name: str, fields: tuple[Field, ...]) -> None:
    """A gateway's row and, beside it, the row of its settings."""
    core = [_field(field) for field in fields if field.name in CORE]
    rest = [_field(field) for field in fields if field.name not in CORE]
    core[0].nullable = False
    _table(name, _id(), *core, sa.UniqueConstraint("name", name=f"u_{name}"))
    owner = sa.Column(
        "id", ID, sa.ForeignKey(f"{name}.id"), primary_key=True, autoincrement=False
    )
    _table(f"{name}setting", owner, *rest)


_AMOUNTS = frozenset(AMOUNT_COLUMNS)
_LONG_TEXTS = frozenset(
    [
        "customeraccount",
        "customername",
        "agentaccount",
        "agentname",
        "calleroriginalinfo",
    ]
)
_BIG_NUMBERS = frozenset(
    ["starttime", "stoptime", "softswitchcallid", "recordstarttime", "flownofirst"]
)
_NUMBERS = frozenset(
    [
        "callertype",
        "calleetype",
        "billingmode",
        "calllevel",
        "agentfeetime",
        "callerpdd",
        "calleepdd",
        "holdtime",
        "feetime",
        "suitefeetime",
        "agentsuitefeetime",
        "rtpforward",
        "enddirection",
        "endreason",
        "billingtype",
        "cdrlevel",
        "agentcdr_id",
    ]
)


def _cdr_column(name: str) -> sa.Column[Any]:
    kind: Any = sa.String(64)
    if name == "id":
        return sa.Column(name, sa.Integer(), nullable=False, server_default="0")
    if name == "flowno":
        return sa.Column(name, ID, primary_key=True, autoincrement=False)
    if name in _AMOUNTS:
        kind = AMOUNT
    elif name in _LONG_TEXTS:
        kind = sa.String(255)
    elif name in _BIG_NUMBERS:
        kind = sa.BigInteger()
    elif name in _NUMBERS:
        kind = sa.Integer()
    elif name == "additional":
        kind = sa.LargeBinary()
    elif name == "dynamicValue":
        kind = sa.Text()
    return sa.Column(name, kind)


CUSTOMER = _table(
    "e_customer",
    _id(),
    sa.Column("account", sa.String(255), nullable=False),
    _text("name"),
    _amount("money"),
    _amount("limitmoney"),
    _text("feerategroup"),
    _int("type"),
    _int("locktype"),
    _text("agentaccount"),
    _int("phonebooklimit"),
    _big("starttime"),
    _big("validtime"),
    _int("ctdbillingtype"),
    _int("canceled"),
    _text("memo"),
    sa.UniqueConstraint("account", name="u_e_customer"),
)

_table(
    "e_customerdetail",
    sa.Column(
        "id", ID, sa.ForeignKey("e_customer.id"), primary_key=True, autoincrement=False
    ),
    _int("cardtype"),
    *(
        _text(name)
        for name in [
            "cardnumber",
            "address",
            "postcode",
            "linkman",
            "telephone",
            "fax",
            "email",
            "emailcc",
            "emailbcc",
        ]
    ),
    _int("reporttype"),
    _text("companyname"),
    _text("bank"),
)

_gateway("e_gatewaymapping", gatewayfields.MAPPING + gatewayfields.MAPPING_MORE)
_gateway("e_gatewayrouting", gatewayfields.ROUTING + gatewayfields.ROUTING_MORE)


def _phone_part(name: str, fields: tuple[Field, ...]) -> None:
    owner = sa.Column(
        "id", ID, sa.ForeignKey("e_phone.id"), primary_key=True, autoincrement=False
    )
    _table(name, owner, *(_field(field) for field in fields))


_E164, *_PHONE = (_field(field) for field in phonefields.PHONE)
_E164.nullable = False
_table("e_phone", _id(), _E164, *_PHONE, sa.UniqueConstraint("e164", name="u_e_phone"))
_phone_part("e_phonesetting", phonefields.ADDITIONAL + phonefields.ADDITIONAL_MORE)
_phone_part("e_phoneservice", phonefields.SERVICES)

_table(
    "e_registration",
    sa.Column("aor", sa.String(128), primary_key=True),
    sa.Column("flow", sa.String(255), primary_key=True),
    sa.Column("contact", sa.Text()),
    sa.Column("path", sa.Text()),
    _text("transport", 8),
    _text("remoteip", 64),
    _int("remoteport"),
    _text("localip", 64),
    _int("localport"),
    _text("callid"),
    _big("cseq"),
    _text("productid"),
    _big("registertime"),
    _big("updatetime"),
    _big("expiretime"),
    _text("mark"),
)

_table(
    "e_feerategroup",
    _id(),
    sa.Column("name", sa.String(255), nullable=False),
    _int("fakeminute", 60),
    _text("memo"),
    sa.UniqueConstraint("name", name="u_e_feerategroup"),
)

_table(
    "e_feerate",
    _id(),
    sa.Column("feerategroupid", ID, sa.ForeignKey("e_feerategroup.id"), nullable=False),
    sa.Column("feeprefix", sa.String(64), nullable=False),
    _text("areacode", 64),
    _text("areaname"),
    _int("type", 5),
    _price("fee"),
    _int("period", 60),
    _int("locktype"),
    _price("ivrfee"),
    _int("ivrperiod", 60),
    sa.UniqueConstraint("feerategroupid", "feeprefix", name="u_e_feerate"),
)

_table(
    "e_feeratesection",
    sa.Column(
        "feerateid",
        ID,
        sa.ForeignKey("e_feerate.id"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
    _int("time"),
    _price("fee"),
)

_table(
    "e_limit_e164_group",
    _id(),
    sa.Column("name", sa.String(255), nullable=False),
    _text("memo"),
    sa.UniqueConstraint("name", name="u_e_limit_e164_group"),
)

_table(
    "e_limit_e164",
    sa.Column(
        "limite164groupid",
        ID,
        sa.ForeignKey("e_limit_e164_group.id"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("e164", sa.String(64), primary_key=True),
    _text("memo"),
)

CDR = _table("e_cdr", *(_cdr_column(name) for name in COLUMNS))
for _name in ("callere164", "callergatewayid", "starttime", "stoptime"):
    sa.Index(f"i_e_cdr_{_name}", CDR.c[_name])
sa.Index("i_e_cdr_customeraccount", CDR.c.customeraccount)

_PAYMENTS = _table(
    "e_payhistory",
    _id(),
    _text("account"),
    _text("name"),
    _amount("fee"),
    _int("type"),
    _int("paytype"),
    _amount("customermoney"),
    _big("paytime"),
    _text("memo"),
    _text("operator"),
)
sa.Index("i_e_payhistory_account", _PAYMENTS.c.account, _PAYMENTS.c.paytime)

_CONSUMPTION = _table(
    "e_consumption",
    _id(),
    _text("account"),
    _amount("money"),
    _amount("customermoney"),
    _int("type"),
    _text("consumptionname"),
    _big("time"),
)
sa.Index("i_e_consumption_account", _CONSUMPTION.c.account, _CONSUMPTION.c.time)

_table(
    "e_moconfig",
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("value", sa.Text()),
    _int("editable", 1),
    sa.Column("moid", ID, primary_key=True, autoincrement=False, server_default="0"),
    sa.Column(
        "motype",
        sa.Integer(),
        primary_key=True,
        autoincrement=False,
        server_default="0",
    ),
)

_table(
    "e_othermaxid",
    sa.Column("type", sa.String(128), primary_key=True),
    _big("maxid"),
)

_table(
    "e_web_access_control",
    _id(),
    _text("path"),
    sa.Column("ips", sa.Text()),
    _text("webdevice"),
)

_SYSLOG = _table(
    "e_syslog",
    _id(),
    _int("type"),
    _big("time"),
    _text("username"),
    _text("event"),
    sa.Column("infoold", sa.Text()),
    sa.Column("infonew", sa.Text()),
)
sa.Index("i_e_syslog_time", _SYSLOG.c.time)

_table(
    "e_autoclean",
    sa.Column("type", sa.Integer(), primary_key=True, autoincrement=False),
    _int("enabled"),
    _text("content"),
    _int("expiredays"),
)

_table(
    "e_cleaned",
    sa.Column("account", sa.String(255), primary_key=True),
    _amount("money"),
)
