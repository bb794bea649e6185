"""
The tables of a VOS3000 that an import does not carry, and why.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from vos3000.db.vos.findings import Report
from vos3000.db.vos.source import Source

_WHY: tuple[tuple[str, str], ...] = (
    (r"e_othermaxid", "its numbers are taken into account: ours go on above them"),
    (
        r"e_suite|e_gifttime|e_suiteorder|e_currentsuite|e_currentgifttime",
        "suites are not in effect in this release: settle what is left of them",
    ),
    (
        r"e_(active)?phonecard|e_bindede164",
        "cards and bound numbers are not in effect in this release",
    ),
    (
        r"e_system_limit_e164|e_groupe164|e_terminal_black_list_policy",
        "white list, number conversion and black list policies are not in effect in"
        " this release: who relies on them must not move yet",
    ),
    (r"e_ip_limit", "geofence lists are not in effect in this release"),
    (
        r"e_gatewaygroup",
        "groups have no settings of their own here: their names stand at the gateways",
    ),
    (
        r"e_feerate(section)?_update|e_feeratebytime",
        "planned and timed rates are not in effect in this release",
    ),
    (
        r"e_user.*|r_.*",
        "logins and rights of the client: give the web interface's access by address",
    ),
    (r"e_useragent", "name what a routing gateway registers with at the gateway"),
    (r"e_report.*", "reports are made anew from the records"),
    (r"e_alarm.*", "alarms are not in effect in this release"),
    (r"e_syslog.*", "what operators did stays with the old system"),
    (
        r"e_autoclean",
        "what is removed when is set anew: see docs/backup.md before the start",
    ),
    (r"e_motimer|e_calendar.*", "set work periods anew"),
    (
        r"e_areacode|e_citycode|e_mobilearea|e_lerg",
        "area tables are not in effect in this release",
    ),
    (r"e_mbx|e_server|e_equipment|e_dns|e_ims.*", "describes the old machines"),
    (r"e_ivr.*|e_language|e_conference.*|e_cc_.*|e_aas_.*|e_axb_cdr", "voice services"),
)


def tell(source: Source, report: Report, carried: Iterable[str]) -> None:
    """Report the tables that have rows and are not carried."""
    for name in sorted(set(source.tables) - set(carried)):
        rows = source.count(name)
        if rows:
            told = report.table(name)
            told.rows = rows
            told.why = _why(name)


def _why(name: str) -> str:
    for pattern, why in _WHY:
        if re.fullmatch(rf"({pattern})(_\d{{6,8}})?", name):
            return why
    return "no table of VOS3000's that this release knows"
