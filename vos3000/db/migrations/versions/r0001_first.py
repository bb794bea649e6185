"""
The first schema: customers, gateways, rates, records, payments, settings.

Every column is written out: a released migration never changes, whatever the
schema of later releases says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
AMOUNT = sa.BigInteger().with_variant(sa.Numeric(18, 6), "mysql")
PRICE = sa.Text().with_variant(sa.Numeric(24, 12), "mysql")


def _plain(kind: sa.types.TypeEngine[Any], names: str) -> Iterator[sa.Column[Any]]:
    return (sa.Column(name, kind) for name in names.split())


def _create(name: str, *parts: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        *parts,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


def _customers() -> None:
    _create(
        "e_customer",
        sa.Column("id", ID, primary_key=True, autoincrement=False),
        sa.Column("account", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255), nullable=False, server_default=""),
        sa.Column("money", AMOUNT, nullable=False, server_default="0"),
        sa.Column("limitmoney", AMOUNT, nullable=False, server_default="0"),
        sa.Column("feerategroup", sa.String(255), nullable=False, server_default=""),
        sa.Column("type", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("locktype", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("agentaccount", sa.String(255), nullable=False, server_default=""),
        sa.Column("phonebooklimit", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("starttime", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("validtime", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("ctdbillingtype", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("canceled", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("memo", sa.String(255), nullable=False, server_default=""),
        sa.UniqueConstraint("account", name="u_e_customer"),
    )
    _create(
        "e_customerdetail",
        sa.Column(
            "id",
            ID,
            sa.ForeignKey("e_customer.id"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("cardtype", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("cardnumber", sa.String(255), nullable=False, server_default=""),
        sa.Column("address", sa.String(255), nullable=False, server_default=""),
        sa.Column("postcode", sa.String(255), nullable=False, server_default=""),
        sa.Column("linkman", sa.String(255), nullable=False, server_default=""),
        sa.Column("telephone", sa.String(255), nullable=False, server_default=""),
        sa.Column("fax", sa.String(255), nullable=False, server_default=""),
        sa.Column("email", sa.String(255), nullable=False, server_default=""),
        sa.Column("emailcc", sa.String(255), nullable=False, server_default=""),
        sa.Column("emailbcc", sa.String(255), nullable=False, server_default=""),
        sa.Column("reporttype", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("companyname", sa.String(255), nullable=False, server_default=""),
        sa.Column("bank", sa.String(255), nullable=False, server_default=""),
    )


def _mapping() -> None:
    _create(
        "e_gatewaymapping",
        sa.Column("id", ID, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("password", sa.String(255)),
        *_plain(sa.Integer(), "locktype calllevel capacity priority"),
        sa.Column("gatewaygroups", sa.Text()),
        sa.Column("registertype", sa.Integer()),
        sa.Column("remoteips", sa.Text()),
        *_plain(sa.String(255), "customerpassword account memo softswitchname"),
        sa.UniqueConstraint("name", name="u_e_gatewaymapping"),
    )


def _mapping_settings() -> None:
    _create(
        "e_gatewaymappingsetting",
        sa.Column(
            "id",
            ID,
            sa.ForeignKey("e_gatewaymapping.id"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("routinggatewaygroupsallow", sa.SmallInteger()),
        sa.Column("routinggatewaygroups", sa.Text()),
        *_plain(
            sa.SmallInteger(),
            "callere164checkenable callere164checkcity callere164checkmobile "
            "callere164checkother calleee164checkenable calleee164checkcity "
            "calleee164checkmobile calleee164checkother",
        ),
        *_plain(
            sa.Integer(),
            "rtpforwardtype mediacheckdirection calleee164restrict "
            "maxcalldurationlower maxcalldurationupper",
        ),
        *_plain(
            sa.SmallInteger(),
            "allowphonebilling allowbindede164billing enablephonesetting "
            "denysamecitycodesallow",
        ),
        sa.Column("denysamecitycodes", sa.Text()),
        sa.Column("checkmobileareaallow", sa.SmallInteger()),
        sa.Column("checkmobilearea", sa.Text()),
        sa.Column("calloutcalleeprefixesallow", sa.SmallInteger()),
        sa.Column("calloutcalleeprefixes", sa.Text()),
        sa.Column("calloutcallerprefixesallow", sa.SmallInteger()),
        *_plain(
            sa.Text(),
            "calloutcallerprefixes rewriterulesoutcallee rewriterulesoutcaller",
        ),
        sa.Column("rewriterulesinmobileareaallow", sa.SmallInteger()),
        sa.Column("rewriterulesinmobilearea", sa.Text()),
        *_plain(
            sa.Integer(),
            "timeoutcallproceeding sipresponseaddressmethod "
            "siprequestaddressmethod dtmfsendmethodh323 dtmfsendmethodsip "
            "dtmfreceivemethod dtmfsendpayloadtypeh323 dtmfsendpayloadtypesip "
            "dtmfreceivepayloadtype q931progressindicator",
        ),
        *_plain(sa.String(255), "callfailedq931causevalue callfailedsipcode"),
        *_plain(
            sa.Integer(),
            "sipremoteringsignal sipcalleee164domain sipcallere164domain "
            "h323calleee164domain h323callere164domain sipauthenticationmethod",
        ),
        *_plain(
            sa.SmallInteger(),
            "h323faststart h323h245tunneling h323h245insetup "
            "h323autocallproceeding h323callproceedingfromsiptrying "
            "h323alertingfromsip183sdp h323t38 siptimer sip100rel sipt38 "
            "sipprivacysupport groupe164change",
        ),
        *_plain(sa.Integer(), "callerallowlength calleeallowlength"),
        sa.Column("callerlimite164groupsallow", sa.SmallInteger()),
        sa.Column("callerlimite164groups", sa.String(255)),
        sa.Column("calleelimite164groupsallow", sa.SmallInteger()),
        sa.Column("calleelimite164groups", sa.String(255)),
        sa.Column("minprofitpercentenable", sa.SmallInteger()),
        sa.Column("minprofitpercent", sa.Integer()),
        sa.Column("maxsecondratesenable", sa.SmallInteger()),
        sa.Column("maxsecondrates", PRICE),
        *_plain(
            sa.Integer(),
            "firstroutepolicy secondroutepolicy h323g729sendmode sipg729sendmode "
            "sipg729annexb sipg723annexa",
        ),
        sa.Column("h323codecassign", sa.SmallInteger()),
        sa.Column("h323codecs", sa.Text()),
        sa.Column("sipcodecassign", sa.SmallInteger()),
        sa.Column("sipcodecs", sa.Text()),
        *_plain(
            sa.SmallInteger(),
            "audiocodectranscodingenable rtpincludedtmfinband rtpneeddtmfinband "
            "forwardsignalrewritee164groupenable",
        ),
        sa.Column("forwardsignalrewritee164group", sa.String(255)),
        sa.Column("lrnenable", sa.SmallInteger()),
        *_plain(sa.Integer(), "lrneatprefixlength lrnfailureaction"),
        *_plain(
            sa.String(255),
            "lrninterstatebillingprefix lrnundeterminedbillingprefix language",
        ),
        *_plain(sa.SmallInteger(), "mediarecord dynamicblacklistinstandalone"),
        sa.Column("calculateroutequality", sa.Integer()),
        sa.Column("proportioncalleeprefixs", sa.Text()),
        *_plain(sa.Integer(), "maxcallrate maxcallrateunit"),
        sa.Column("scheduledcapacity", sa.Text()),
        sa.Column("tryprotectroutedelay", sa.Integer()),
    )


def _routing() -> None:
    _create(
        "e_gatewayrouting",
        sa.Column("id", ID, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("prefix", sa.String(255)),
        sa.Column("prefixstyle", sa.Integer()),
        *_plain(sa.String(255), "password customerpassword gatewaygroups"),
        *_plain(sa.Integer(), "capacity locktype priority registertype"),
        sa.Column("remoteip", sa.String(255)),
        *_plain(sa.Integer(), "protocol signalport"),
        *_plain(sa.String(255), "localip clearingaccount softswitchname memo"),
        sa.UniqueConstraint("name", name="u_e_gatewayrouting"),
    )


def _routing_settings() -> None:
    _create(
        "e_gatewayroutingsetting",
        sa.Column(
            "id",
            ID,
            sa.ForeignKey("e_gatewayrouting.id"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("rtpforwardtype", sa.Integer()),
        sa.Column("encrypt", sa.SmallInteger()),
        *_plain(
            sa.Integer(),
            "mediacheckdirection maxcalldurationlower maxcalldurationupper "
            "calleee164restrict",
        ),
        *_plain(
            sa.SmallInteger(),
            "callere164checkenable callere164checkcity callere164checkmobile "
            "callere164checkother calleee164checkenable calleee164checkcity "
            "calleee164checkmobile calleee164checkother callincallerprefixesallow",
        ),
        sa.Column("callincallerprefixes", sa.Text()),
        sa.Column("callincalleeprefixesallow", sa.SmallInteger()),
        sa.Column("callincalleeprefixes", sa.Text()),
        sa.Column("callinforwardprefixesallow", sa.SmallInteger()),
        *_plain(
            sa.Text(), "callinforwardprefixes rewriterulesincaller rewriterulesincallee"
        ),
        sa.Column("rewriterulesinmobileareaallow", sa.SmallInteger()),
        sa.Column("rewriterulesinmobilearea", sa.Text()),
        *_plain(
            sa.Integer(),
            "timeoutsetup timeoutcallproceeding timeoutcallproceedingolc "
            "timeoutalerting timeoutinvite timeouttrying "
            "timeoutsessionprogresssdp timeoutsessionprogress timeoutringing",
        ),
        sa.Column("denycallercalleeallow", sa.SmallInteger()),
        sa.Column("denycallercallee", sa.Text()),
        sa.Column("denysamecitycodesallow", sa.SmallInteger()),
        sa.Column("denysamecitycodes", sa.Text()),
        sa.Column("checkmobileareaallow", sa.SmallInteger()),
        sa.Column("checkmobilearea", sa.Text()),
        *_plain(
            sa.SmallInteger(),
            "switchallowring switchallowsdp switchallowrtp switchallowbusy "
            "switchallowerrorcode",
        ),
        *_plain(
            sa.Integer(),
            "sipresponseaddressmethod siprequestaddressmethod dtmfsendmethodh323 "
            "dtmfsendmethodsip dtmfreceivemethod dtmfsendpayloadtypeh323 "
            "dtmfsendpayloadtypesip dtmfreceivepayloadtype q931numberingplan "
            "q931numbertype q931presentationindicator q931screeningindicator",
        ),
        *_plain(
            sa.SmallInteger(),
            "h323faststart h323h245tunneling h323h245insetup h323t38 siptimer "
            "sip100rel sipt38 sipdisplay sipremotepartyid",
        ),
        *_plain(sa.Integer(), "sipprivacy sipppreferredidentity sippassertedidentity"),
        sa.Column("groupe164change", sa.SmallInteger()),
        *_plain(sa.Integer(), "callerallowlength calleeallowlength"),
        sa.Column("callerlimite164groupsallow", sa.SmallInteger()),
        sa.Column("callerlimite164groups", sa.String(255)),
        sa.Column("calleelimite164groupsallow", sa.SmallInteger()),
        sa.Column("calleelimite164groups", sa.String(255)),
        *_plain(
            sa.Integer(), "h323g729sendmode sipg729sendmode sipg729annexb sipg723annexa"
        ),
        sa.Column("h323codecassign", sa.SmallInteger()),
        sa.Column("h323codecs", sa.Text()),
        sa.Column("sipcodecassign", sa.SmallInteger()),
        sa.Column("sipcodecs", sa.Text()),
        *_plain(
            sa.SmallInteger(),
            "audiocodectranscodingenable rtpincludedtmfinband rtpneeddtmfinband "
            "feeraterestrict leastcostrouting minprofitpercentenable",
        ),
        sa.Column("minprofitpercent", sa.Integer()),
        sa.Column("maxsecondratesenable", sa.SmallInteger()),
        sa.Column("maxsecondrates", PRICE),
        *_plain(
            sa.SmallInteger(),
            "enablephonedisplay clearingaccountusecalloute164 "
            "forwardsignalrewritee164groupenable",
        ),
        sa.Column("forwardsignalrewritee164group", sa.String(255)),
        *_plain(sa.SmallInteger(), "dynamicblacklistinstandalone mediarecord"),
        sa.Column("externalnumberverifybits", sa.BigInteger()),
        *_plain(
            sa.String(255),
            "externalnumberverifyrewritecaller externalnumberverifyrewritecallee",
        ),
        sa.Column("scheduledcallinprefixes", sa.Text()),
        sa.Column("rewriterulesincallerusee164groupenable", sa.SmallInteger()),
        sa.Column("rewriterulesincallerusee164group", sa.String(255)),
        *_plain(
            sa.Integer(),
            "rewriterulesincallerusee164line signalportlocal "
            "calculateroutequality maxcallrate maxcallrateunit",
        ),
        *_plain(sa.Text(), "scheduledcapacity stopswitchsipcodes"),
        sa.Column("transport", sa.String(255)),
    )


def _rates() -> None:
    _create(
        "e_feerategroup",
        sa.Column("id", ID, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("fakeminute", sa.Integer(), nullable=False, server_default="60"),
        sa.Column("memo", sa.String(255), nullable=False, server_default=""),
        sa.UniqueConstraint("name", name="u_e_feerategroup"),
    )
    _create(
        "e_feerate",
        sa.Column("id", ID, primary_key=True, autoincrement=False),
        sa.Column(
            "feerategroupid", ID, sa.ForeignKey("e_feerategroup.id"), nullable=False
        ),
        sa.Column("feeprefix", sa.String(64), nullable=False),
        sa.Column("areacode", sa.String(64), nullable=False, server_default=""),
        sa.Column("areaname", sa.String(255), nullable=False, server_default=""),
        sa.Column("type", sa.Integer(), nullable=False, server_default="5"),
        sa.Column("fee", PRICE, nullable=False, server_default="0"),
        sa.Column("period", sa.Integer(), nullable=False, server_default="60"),
        sa.Column("locktype", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("ivrfee", PRICE, nullable=False, server_default="0"),
        sa.Column("ivrperiod", sa.Integer(), nullable=False, server_default="60"),
        sa.UniqueConstraint("feerategroupid", "feeprefix", name="u_e_feerate"),
    )
    _create(
        "e_feeratesection",
        sa.Column(
            "feerateid",
            ID,
            sa.ForeignKey("e_feerate.id"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("time", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("fee", PRICE, nullable=False, server_default="0"),
    )


def _records() -> None:
    _create(
        "e_cdr",
        sa.Column("id", sa.Integer(), nullable=False, server_default="0"),
        *_plain(
            sa.String(64),
            "callere164 calleraccesse164 calleee164 calleeaccesse164 callerip "
            "callerrtpip callercodec callergatewayid callerproductid "
            "callertogatewaye164",
        ),
        sa.Column("callertype", sa.Integer()),
        *_plain(
            sa.String(64),
            "calleeip calleertpip calleecodec calleegatewayid calleeproductid "
            "calleetogatewaye164",
        ),
        *_plain(sa.Integer(), "calleetype billingmode calllevel agentfeetime"),
        *_plain(sa.BigInteger(), "starttime stoptime"),
        *_plain(sa.Integer(), "callerpdd calleepdd holdtime"),
        sa.Column("callerareacode", sa.String(64)),
        sa.Column("feetime", sa.Integer()),
        *_plain(AMOUNT, "fee tax suitefee"),
        sa.Column("suitefeetime", sa.Integer()),
        *_plain(AMOUNT, "incomefee incometax"),
        *_plain(sa.String(255), "customeraccount customername"),
        sa.Column("calleeareacode", sa.String(64)),
        *_plain(AMOUNT, "agentfee agenttax agentsuitefee"),
        sa.Column("agentsuitefeetime", sa.Integer()),
        *_plain(sa.String(255), "agentaccount agentname"),
        sa.Column("flowno", ID, primary_key=True, autoincrement=False),
        sa.Column("softswitchname", sa.String(64)),
        sa.Column("softswitchcallid", sa.BigInteger()),
        *_plain(sa.String(64), "callercallid calleroriginalcallid calleecallid"),
        sa.Column("calleroriginalinfo", sa.String(255)),
        *_plain(
            sa.Integer(),
            "rtpforward enddirection endreason billingtype cdrlevel agentcdr_id",
        ),
        sa.Column("sipreasonheader", sa.String(64)),
        sa.Column("recordstarttime", sa.BigInteger()),
        sa.Column("transactionid", sa.String(64)),
        sa.Column("flownofirst", sa.BigInteger()),
        sa.Column("additional", sa.LargeBinary()),
        sa.Column("dynamicValue", sa.Text()),
    )
    op.create_index("i_e_cdr_callere164", "e_cdr", ["callere164"])
    op.create_index("i_e_cdr_callergatewayid", "e_cdr", ["callergatewayid"])
    op.create_index("i_e_cdr_customeraccount", "e_cdr", ["customeraccount"])
    op.create_index("i_e_cdr_starttime", "e_cdr", ["starttime"])
    op.create_index("i_e_cdr_stoptime", "e_cdr", ["stoptime"])


def _ledger() -> None:
    _create(
        "e_payhistory",
        sa.Column("id", ID, primary_key=True, autoincrement=False),
        sa.Column("account", sa.String(255), nullable=False, server_default=""),
        sa.Column("name", sa.String(255), nullable=False, server_default=""),
        sa.Column("fee", AMOUNT, nullable=False, server_default="0"),
        sa.Column("type", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("paytype", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("customermoney", AMOUNT, nullable=False, server_default="0"),
        sa.Column("paytime", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("memo", sa.String(255), nullable=False, server_default=""),
        sa.Column("operator", sa.String(255), nullable=False, server_default=""),
    )
    op.create_index("i_e_payhistory_account", "e_payhistory", ["account", "paytime"])
    _create(
        "e_consumption",
        sa.Column("id", ID, primary_key=True, autoincrement=False),
        sa.Column("account", sa.String(255), nullable=False, server_default=""),
        sa.Column("money", AMOUNT, nullable=False, server_default="0"),
        sa.Column("customermoney", AMOUNT, nullable=False, server_default="0"),
        sa.Column("type", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("consumptionname", sa.String(255), nullable=False, server_default=""),
        sa.Column("time", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.create_index("i_e_consumption_account", "e_consumption", ["account", "time"])


def _operation() -> None:
    _create(
        "e_moconfig",
        sa.Column("name", sa.String(128), primary_key=True),
        sa.Column("value", sa.Text()),
        sa.Column("editable", sa.Integer(), nullable=False, server_default="1"),
        sa.Column(
            "moid", ID, primary_key=True, autoincrement=False, server_default="0"
        ),
        sa.Column(
            "motype",
            sa.Integer(),
            primary_key=True,
            autoincrement=False,
            server_default="0",
        ),
    )
    _create(
        "e_othermaxid",
        sa.Column("type", sa.String(128), primary_key=True),
        sa.Column("maxid", sa.BigInteger(), nullable=False, server_default="0"),
    )
    _create(
        "e_web_access_control",
        sa.Column("id", ID, primary_key=True, autoincrement=False),
        sa.Column("path", sa.String(255), nullable=False, server_default=""),
        sa.Column("ips", sa.Text()),
        sa.Column("webdevice", sa.String(255), nullable=False, server_default=""),
    )
    _create(
        "e_syslog",
        sa.Column("id", ID, primary_key=True, autoincrement=False),
        sa.Column("type", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("time", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("username", sa.String(255), nullable=False, server_default=""),
        sa.Column("event", sa.String(255), nullable=False, server_default=""),
        *_plain(sa.Text(), "infoold infonew"),
    )
    op.create_index("i_e_syslog_time", "e_syslog", ["time"])


def upgrade() -> None:
    """Make every table."""
    _customers()
    _mapping()
    _mapping_settings()
    _routing()
    _routing_settings()
    _rates()
    _records()
    _ledger()
    _operation()


_TABLES = (
    "e_customer",
    "e_customerdetail",
    "e_gatewaymapping",
    "e_gatewaymappingsetting",
    "e_gatewayrouting",
    "e_gatewayroutingsetting",
    "e_feerategroup",
    "e_feerate",
    "e_feeratesection",
    "e_cdr",
    "e_payhistory",
    "e_consumption",
    "e_moconfig",
    "e_othermaxid",
    "e_web_access_control",
    "e_syslog",
)


def _days() -> list[str]:
    """Tables of days: they came with the records, and go with them."""
    found = sa.inspect(op.get_bind()).get_table_names()
    return [name for name in found if name.startswith("e_cdr_")]


def downgrade() -> None:
    """Remove every table, and all that is in them."""
    for name in (*_days(), *reversed(_TABLES)):
        op.drop_table(name)
