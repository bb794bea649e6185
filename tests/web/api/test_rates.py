"""
Tests of CreateFeeRateGroup, GetFeeRateGroup and GetFeeRate.
"""

from __future__ import annotations

from decimal import Decimal

from tests.web.site import WebCase
from vos3000.model.rates import Rate, RateSection


class FeeRateGroupTests(WebCase):
    """Rate groups."""

    def test_create_and_get(self) -> None:
        """A group that was made is there, whatever way it is asked for."""
        self.do("CreateFeeRateGroup", name="gold", fakeMinute="50", memo="m")
        self.do("CreateFeeRateGroup", name="silver")
        gold, silver = '{"name":"gold","memo":"m"}', '{"name":"silver","memo":""}'
        for body, expected in (
            ("", f"{gold},{silver}"),
            ("{}", f"{gold},{silver}"),
            ('{"names":[]}', f"{gold},{silver}"),
            ('{"names":["gold","none"]}', gold),
            ('{"names":["none"]}', ""),
        ):
            self.assertEqual(
                self.post("GetFeeRateGroup", body),
                f'{{"retCode":0,"infoFeeRateGroups":[{expected}]}}',
            )
        groups = self.successResultOf(self.switch.stores.rates.groups())
        self.assertEqual([group.fake_minute for group in groups], [50, 60])

    def test_refused(self) -> None:
        """A group needs a name that is not taken, and a positive minute."""
        self.do("CreateFeeRateGroup", name="gold")
        self.assertEqual(self.code("CreateFeeRateGroup", name="gold"), -20001)
        self.assertEqual(self.code("CreateFeeRateGroup", name=""), -10124)
        self.assertEqual(self.code("CreateFeeRateGroup"), -10124)
        self.assertEqual(
            self.code("CreateFeeRateGroup", name="x", fakeMinute=0), -10124
        )
        found = self.do("GetFeeRateGroup")["infoFeeRateGroups"]
        self.assertEqual(len(found), 1)


class FeeRateTests(WebCase):
    """Rates of a group."""

    def setUp(self) -> None:
        super().setUp()
        self.do("CreateFeeRateGroup", name="gold")
        sections = (RateSection(60, Decimal("0.5")), RateSection(30, Decimal("0.2")))
        rows = [
            (
                "gold",
                Rate(
                    "49",
                    Decimal("0.000000000001"),
                    60,
                    sections,
                    area_code="49",
                    area_name="Germany",
                    ivr_fee=Decimal("0.02"),
                ),
            ),
            ("gold", Rate("44", Decimal("1"), 6, (), 4, 1, "44", "United Kingdom")),
        ]
        self.successResultOf(self.switch.stores.rates.replace_rates(iter(rows)))

    def test_all(self) -> None:
        """Every rate of the group by prefix, prices with all their digits."""
        self.assertEqual(
            self.post("GetFeeRate", '{"feeRateGroup":"gold","areaCodes":[]}'),
            '{"retCode":0,"infoFeeRates":['
            '{"feePrefix":"44","areaCode":"44","type":4,"areaName":"United Kingdom",'
            '"infoFeeRateSections":[],"fee":1.0,"period":6,"lockType":1,'
            '"ivrFee":0.0,"ivrPeriod":60},'
            '{"feePrefix":"49","areaCode":"49","type":5,"areaName":"Germany",'
            '"infoFeeRateSections":[{"fee":0.5,"time":60,"position":0},'
            '{"fee":0.2,"time":30,"position":1}],"fee":0.000000000001,"period":60,'
            '"lockType":0,"ivrFee":0.02,"ivrPeriod":60}]}',
        )

    def test_area_codes(self) -> None:
        """Area codes restrict, and the other spelling of the group is taken."""
        found = self.do("GetFeeRate", feerateGroup="gold", areaCodes=["49"])
        self.assertEqual([r["feePrefix"] for r in found["infoFeeRates"]], ["49"])

    def test_refused(self) -> None:
        """A group that is not there, or not named."""
        self.assertEqual(
            self.post("GetFeeRate", '{"feeRateGroup":"none"}')[:30],
            '{"retCode":-10007,"exception":',
        )
        self.assertEqual(
            self.post("GetFeeRate"),
            '{"retCode":-10124,"exception":"Input parameter error: feeRateGroup is'
            ' missing","infoFeeRates":[]}',
        )
