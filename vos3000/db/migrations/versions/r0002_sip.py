"""
SIP settings of gateways, platform phones, and registrations.

Every column is written out: a released migration never changes, whatever the
schema of later releases says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PRICE = sa.Text().with_variant(sa.Numeric(24, 12), "mysql")

_KINDS: dict[str, Any] = {
    "text": sa.String(255),
    "long": sa.Text(),
    "int": sa.Integer(),
    "flag": sa.SmallInteger(),
    "price": PRICE,
}


def _columns(text: str) -> Iterator[sa.Column[Any]]:
    """Columns of C{name:kind} each."""
    for word in text.split():
        name, _, kind = word.partition(":")
        yield sa.Column(name, _KINDS[kind])


def _create(name: str, *parts: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        *parts,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


def _part(name: str, text: str) -> None:
    """A table whose rows stand beside those of e_phone."""
    _create(
        name,
        sa.Column(
            "id", ID, sa.ForeignKey("e_phone.id"), primary_key=True, autoincrement=False
        ),
        *_columns(text),
    )


MAPPING = """
    siplocaldomain:text sipinviteheaders:long sipextraheaders:long sipreason:int
    sipallowpublish:flag sipoptionsperiod:int sipptime:int sipsdpipfirst:flag
    enablecalltransfer:flag siprecognizeforwardsignal:flag sipredirectserver:text
"""
ROUTING = """
    siplocaldomain:text sipinviteheaders:long sipextraheaders:long sipreason:int
    sipallowpublish:flag sipoptionsperiod:int sipptime:int sipsdpipfirst:flag
    enablecalltransfer:flag sipsendforwardsignal:int sipfollowredirect:flag
    sipuserphone:flag siptlsverify:flag registername:text registerauthname:text
    registerdomain:text registerexpire:int
"""
PHONE = """
    account:text password:text displaynumber:text locktype:int calllevel:int
    feerategroup:text monthlymoneyminimum:price monthlymoneymaximum:price
    monthlyrentfee:price rewriterulesoutcallee:long rewriterulesincallee:long
    rewriterulesincaller:long routinggatewaygroupsallow:flag
    routinggatewaygroups:text equipment:text calleebilling:flag
    customerpassword:text linecallin:int linecallout:int linecapacity:int
    phonebooklimit:int callerlimite164groupsallow:flag callerlimite164groups:text
    calleelimite164allow:flag calleelimite164groups:text dids:long memo:text
"""
ADDITIONAL = """
    registertype:int protocol:int ip:text port:int localip:text rtprelay:int
    rtpinterruptdetection:int calldurationlimit:int usecallerphonedisplay:int
    nobillingtophone:int displaycallershortnumber:flag
    useroutinggatewaynotonline:int minprofitpercentenable:flag minprofitpercent:int
    maxsecondratesenable:flag maxsecondrates:price firstroutingpolicy:int
    secondroutingpolicy:int sipauthenticationmethod:int sipremotealertingmethod:int
    siptimersupport:flag sip100relsupport:flag sipt38support:flag
    sipprivacysupport:flag sipprivacy:int sipppreferredidentity:int
    sippassertedidentity:int dtmfreceivemethod:int dtmfsipsendmethod:int
    sipcodecassign:flag sipcodecs:long audiocodectranscodingenable:flag
    rtpincludedtmfinband:flag rtpneeddtmfinband:flag ivrequipmenttype:int
    ivrservicename:text ivrcallbackbillingmode:int ivrcallbackmergebillingmode:int
    ivrdirectmergebillingmode:int ivrsecondbillingmode:int
    ivrcallbackbillingsecordnotconnectedonaccesse164:flag
    ivrcallbackbillingsecordconnectedonsecondaccount:flag
    ivraccessverifyactivephonecard:flag ivraccessverifybindede164:flag
    ivraccessverifycallere164phone:flag ivraccessverifyaccesse164phone:flag
    ivrenablephonesetting:flag lrnenable:flag lrneatprefixlength:int
    lrnfailureaction:int lrninterstatebillingprefix:text
    lrnundeterminedbillingprefix:text rewritecalleemobileareaenable:flag
    rewritecalleemobilearea:text callstatereport:flag siprequestaddress:int
    sipresponseaddress:int siplocaldomain:text sipinviteheaders:long
    sipextraheaders:long sipreason:int sipoptionsperiod:int sipptime:int
    sipsdpipfirst:flag siprecognizeforwardsignal:flag sipsendforwardsignal:int
    sipredirectserver:text sipuserphone:flag sipdisplay:flag sipremotepartyid:flag
"""
SERVICES = """
    calleriddisplay:flag calltransfer:flag donotdisturb:flag periodforwarding:flag
    infophonevalueaddedperiodforwardings:long unconditionalforward:flag
    unconditionalforwarde164:long noanswerforward:flag noanswerforwarde164:long
    offlineforward:flag offlineforwarde164:long busyforward:flag
    busyforwarde164:long callforwarddisplay:int calltransfernormaldisplay:int
    calltransferaskdisplay:int colorring:flag remotecolorringpassthrough:flag
    colorringname:text language:text unabletoconnectvoiceprompts:int
    callremainingtimeprompts:int balancenotenoughalarm:int voicemail:flag
    voicemailcheckpassword:flag voicemailmaxnumber:int voicemailexpireday:int
    voicemailaudiotype:int
"""


def _gateways() -> None:
    for table, text in (
        ("e_gatewaymappingsetting", MAPPING),
        ("e_gatewayroutingsetting", ROUTING),
    ):
        for column in _columns(text):
            op.add_column(table, column)


def _phones() -> None:
    _create(
        "e_phone",
        sa.Column("id", ID, primary_key=True, autoincrement=False),
        sa.Column("e164", sa.String(255), nullable=False),
        *_columns(PHONE),
        sa.UniqueConstraint("e164", name="u_e_phone"),
    )
    _part("e_phonesetting", ADDITIONAL)
    _part("e_phoneservice", SERVICES)


def _number(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default="0")


def _word(name: str, length: int) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), nullable=False, server_default="")


def _registrations() -> None:
    _create(
        "e_registration",
        sa.Column("aor", sa.String(128), primary_key=True),
        sa.Column("flow", sa.String(255), primary_key=True),
        sa.Column("contact", sa.Text()),
        sa.Column("path", sa.Text()),
        _word("transport", 8),
        _word("remoteip", 64),
        _number("remoteport", sa.Integer()),
        _word("localip", 64),
        _number("localport", sa.Integer()),
        _word("callid", 255),
        _number("cseq", sa.BigInteger()),
        _word("productid", 255),
        _number("registertime", sa.BigInteger()),
        _number("updatetime", sa.BigInteger()),
        _number("expiretime", sa.BigInteger()),
        _word("mark", 255),
    )


def upgrade() -> None:
    """Add the columns and make the tables."""
    _gateways()
    _phones()
    _registrations()


def downgrade() -> None:
    """Remove the tables and the columns, and what is in them."""
    for name in (
        "e_registration",
        "e_phoneservice",
        "e_phonesetting",
        "e_phone",
    ):
        op.drop_table(name)
    for table, text in (
        ("e_gatewaymappingsetting", MAPPING),
        ("e_gatewayroutingsetting", ROUTING),
    ):
        for column in _columns(text):
            op.drop_column(table, column.name)
