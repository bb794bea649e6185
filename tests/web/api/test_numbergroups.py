"""
Tests of the interfaces about number groups.
"""

from __future__ import annotations

from tests.web.site import WebCase


class NumberGroupTests(WebCase):
    """Groups, and the numbers in them."""

    def test_groups(self) -> None:
        """Made, changed, found by name or all, removed."""
        self.do("CreateLimitE164Group", name="pool", memo="m")
        self.do("CreateLimitE164Group", name="other")
        self.do("ModifyLimitE164Group", name="other", memo="n")
        self.do("ModifyLimitE164Group", name="other")
        pool, other = '{"name":"pool","memo":"m"}', '{"name":"other","memo":"n"}'
        for body, expected in (
            ("", f"{pool},{other}"),
            ('{"names":[]}', f"{pool},{other}"),
            ('{"names":["other","none"]}', other),
            ('{"names":["none"]}', ""),
        ):
            self.assertEqual(
                self.post("GetLimitE164Group", body),
                f'{{"retCode":0,"infoLimitE164Groups":[{expected}]}}',
            )
        self.do("DeleteLimitE164Group", name="pool")
        found = self.do("GetLimitE164Group")["infoLimitE164Groups"]
        self.assertEqual([each["name"] for each in found], ["other"])

    def test_numbers(self) -> None:
        """In force before it is answered; queries by comma or whole."""
        self.do("CreateLimitE164Group", name="pool")
        self.assertEqual(self.switch.handed["numbers"], {"pool": ()})
        numbers = [{"e164": "701", "memo": "m"}, {"e164": "+700"}]
        self.do("CreateLimitE164", limitE164GroupName="pool", infoLimitE164s=numbers)
        self.assertEqual(self.switch.handed["numbers"], {"pool": ("+700", "701")})
        first, second = '{"e164":"+700","memo":""}', '{"e164":"701","memo":"m"}'
        for query, expected in (
            ('"limitE164GroupName":"pool"', f"{first},{second}"),
            ('"limitE164GroupName":"pool","e164":"701, 9"', second),
            ('"limitE164GroupName":"pool","e164":"9"', ""),
        ):
            self.assertEqual(
                self.post("GetLimitE164", f"{{{query}}}"),
                f'{{"retCode":0,"infoLimitE164s":[{expected}]}}',
            )
        self.do("DeleteLimitE164", limitE164GroupName="pool", e164s=["701", "9"])
        self.assertEqual(self.switch.handed["numbers"], {"pool": ("+700",)})

    def test_refused(self) -> None:
        """Names that are taken, missing or unknown; what is no number; in use."""
        self.do("CreateLimitE164Group", name="pool")
        self.assertEqual(self.code("CreateLimitE164Group", name="pool"), -20001)
        self.assertEqual(self.code("CreateLimitE164Group", name=""), -10124)
        self.assertEqual(self.code("ModifyLimitE164Group", name="x"), -10007)
        self.assertEqual(self.code("ModifyLimitE164Group", name="x", memo="m"), -10007)
        self.assertEqual(self.code("DeleteLimitE164Group", name="x"), -10007)
        self.assertEqual(self.code("GetLimitE164", limitE164GroupName="x"), -10007)
        for number in ("", "7 0", "7,0", "7" * 65, "<7>"):
            code = self.code(
                "CreateLimitE164",
                limitE164GroupName="pool",
                infoLimitE164s=[{"e164": "1"}, {"e164": number}],
            )
            self.assertEqual(code, -10124, number)
        self.assertEqual(self.switch.handed["numbers"], {"pool": ()})
        self.do("CreateGatewayRouting", name="gw", forwardSignalRewriteE164Group="pool")
        self.assertEqual(self.code("DeleteLimitE164Group", name="pool"), -20002)
