"""
What public clients send, replayed: path, headers and body as each is known to
send them, and what each reads from the answer.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.rows import cdr
from tests.web.site import Switch

JSON = "application/json"
FORM = "application/x-www-form-urlencoded;charset=UTF-8"
HTML = "text/html;charset=UTF-8"

SHAPES: list[tuple[str, str, str, str, str]] = [
    # client, content type, path, body, beginning of the answer
    ("A", JSON, "GetGatewayMapping", "{}", '"infoGatewayMappings":[{'),
    ("A", JSON, "GetGatewayRouting", "{}", '"infoGatewayRoutings":[{'),
    ("A", JSON, "GetAllCustomers", "{}", '"accounts":["1001"]'),
    ("A", JSON, "GetAllCustomers", '{"":""}', '"accounts":["1001"]'),
    ("A", JSON, "GetCustomer", '{"accounts":["1001"]}', '"infoCustomers":[{'),
    ("C", JSON, "GetCustomer.jsp", '{"accounts":["1001"],"userid":"u"}', '"infoC'),
    ("C", JSON, "GetCurrentCalls.jsp", "{}", '"infoCurrentCalls":[]'),
    ("D", HTML, "GetAllCustomers", '{"type":1}', '"infoCustomerBriefs":[{'),
    ("D", HTML, "GetGatewayMapping", "{}", '"infoGatewayMappings":[{'),
    (
        "D",
        HTML,
        "GetCurrentCall",
        '{"callerE164s":[],"calleeE164s":[]}',
        '"infoCurrentCalls":[]',
    ),
    (
        "D",
        HTML,
        "GetCdr",
        '{"accounts":["1001"],"beginTime":"20260301","endTime":"20260301",'
        '"callerE164":null,"calleeE164":null,"callerGateway":null,'
        '"calleeGateway":null}',
        '"infoCdrs":[{"callerE164":"4930123"',
    ),
    ("D", HTML, "GetFeeRateGroup", "{}", '"infoFeeRateGroups":[{"name":"gold"'),
    (
        "D",
        HTML,
        "GetFeeRate",
        '{"feeRateGroup":"gold","areaCodes":[]}',
        '"infoFeeRates":[]',
    ),
    ("D", HTML, "GetPerformance", "{}", '"infoPerformance":{"callSize":0,'),
    (
        "E",
        FORM,
        "GetCdr",
        '{"accounts":["1001"],"beginTime":"20260301","endTime":"20260301"}\r\n',
        '"infoCdrs":[{',
    ),
    ("F", HTML, "GetAllCustomers", '{"type":0}', '"accounts":["1001"]'),
    ("F", HTML, "GetCustomer", '{"accounts":[1001]}', '"infoCustomers":[{'),
    (
        "F",
        HTML,
        "Pay",
        '{"ownerName":"1001","ownerType":2,"money":1}',
        '"infoPay":{"account":"1001","money":11.0,',
    ),
    ("F", HTML, "ModifyGatewayMapping", '{"name":"m","calloutCallerPrefixes":"1"}', ""),
    ("G", JSON, "CreateCustomer", '{"account":"1002","feeRateGroup":"gold"}', ""),
    ("G", JSON, "CreateFeeRateGroup", '{"name":"silver"}', ""),
    (
        "G",
        JSON,
        "CreateGatewayMapping",
        '{"name":"g","callLevel":5,"account":"1001","registerType":0}',
        "",
    ),
    ("G", JSON, "GetGatewayMapping", '{"names":["m"]}', '"infoGatewayMappings":[{'),
    ("G", JSON, "DeleteGatewayMapping", '{"name":"m"}', ""),
    ("H", FORM, "GetAllCustomers", '{"accounts":""}', '"accounts":["1001"]'),
    ("H", FORM, "GetGatewayMapping", '{"accounts":""}', '"infoGatewayMappings":[{'),
    ("H", FORM, "GetGatewayRouting", '{"accounts":""}', '"infoGatewayRoutings":[{'),
    ("H", FORM, "GetCurrentCall", '{"accounts":""}', '"infoCurrentCalls":[]'),
    ("H", FORM, "GetFeeRate", '{"feeRateGroup":"gold"}', '"infoFeeRates":[]'),
    ("J", HTML, "CreateCustomer", '{"account":"1003","name":"n","money":"5"}', ""),
    (
        "J",
        HTML,
        "Pay",
        '{"ownerName":"1001","ownerType":"2","money":"-13"}',
        '"infoPay":{"account":"1001","money":-3.0,',
    ),
    ("K", HTML, "GetGatewayRouting", "{}", '"infoGatewayRoutings":[{'),
    ("K", HTML, "ModifyGatewayRouting", '{"name":"r","capacity":9}', ""),
    ("K", HTML, "DeleteGatewayRouting", '{"name":"r"}', ""),
]

REFUSED: list[tuple[str, str, str, str]] = [
    # client, path, body, answer
    (
        "G",
        "DeleteGatewayMapping",
        '{"name":"none"}',
        '{"retCode":-10007,"exception":"Not found, operation failed.',
    ),
    (
        "E",
        "GetCdr",
        '{"accounts":["1001"],"beginTime":"20200101","endTime":"20260301"}',
        '{"retCode":-10033,"exception":"Over the limitation of inquiry interval,'
        ' please contact system administrator","infoCdrs":[]}',
    ),
    ("E", "GetCdr", "{}", '{"retCode":-10124,"exception":"Input parameter error'),
    (
        "J",
        "Pay",
        '{"ownerName":"555","ownerType":"25","money":"-13"}',
        '{"retCode":-10007,"exception":"Not found, operation failed.',
    ),
]


class ClientTests(SynchronousTestCase):
    """The clients of webapi-clients.md, by their letters there."""

    def switch(self) -> Switch:
        """A switch with an account of 10, a group, a gateway of each kind, a call."""
        switch = Switch()
        for name, body in (
            ("CreateFeeRateGroup", '{"name":"gold"}'),
            ("CreateCustomer", '{"account":"1001","money":10}'),
            ("CreateGatewayMapping", '{"name":"m","account":"1001"}'),
            ("CreateGatewayRouting", '{"name":"r","remoteIp":"192.0.2.1"}'),
        ):
            self.assertEqual(self.post(switch, JSON, name, body), '{"retCode":0}')
        switch.record(cdr(customeraccount="1001"))
        return switch

    def post(self, switch: Switch, kind: str, name: str, body: str) -> str:
        head = (
            f"POST /external/server/{name} HTTP/1.1\r\nHost: switch:8080\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {len(body.encode())}\r\n"
            "Accept: application/json, text/plain, */*\r\n\r\n"
        )
        answer = switch.send((head + body).encode()).decode()
        self.assertTrue(answer.startswith("HTTP/1.1 200 OK\r\n"), answer)
        return answer.partition("\r\n\r\n")[2]

    def test_shapes(self) -> None:
        """Every request a client is known to send for what is built succeeds."""
        for client, kind, name, body, expected in SHAPES:
            answer = self.post(self.switch(), kind, name, body)
            wanted = '{"retCode":0' + (f",{expected}" if expected else "}")
            self.assertEqual(answer[: len(wanted)], wanted, f"{client} {name}")
            self.assertNotIn("null", answer)

    def test_refused(self) -> None:
        """Refusals that clients know are answered as they know them."""
        for client, name, body, expected in REFUSED:
            answer = self.post(self.switch(), HTML, name, body)
            self.assertEqual(answer[: len(expected)], expected, client)

    def test_read_modify_write(self) -> None:
        """A and B write whole records back with one field changed, as text."""
        switch = self.switch()
        for noun, answers, changes in (
            (
                "GatewayMapping",
                "infoGatewayMappings",
                {
                    "calloutCallerPrefixes": "1,2",
                    "lockType": "3",
                    "remoteIps": "192.0.2.5",
                    "routingGatewayGroups": "g",
                    "capacity": "50",
                },
            ),
            (
                "GatewayRouting",
                "infoGatewayRoutings",
                {
                    "callinCallerPrefixes": "1",
                    "callinCalleePrefixes": "2,3",
                    "rewriteRulesInCaller": "0:1;2,*:a*",
                    "lockType": "3",
                },
            ),
        ):
            for name, value in changes.items():
                (record,) = self.ask(switch, f"Get{noun}", {})[answers]
                record[name] = value
                answer = self.ask(switch, f"Modify{noun}", record)
                self.assertEqual(answer, {"retCode": 0})
                (found,) = self.ask(switch, f"Get{noun}", {})[answers]
                self.assertEqual({**found, name: str(found[name])}, record)

    def ask(self, switch: Switch, name: str, fields: dict[str, Any]) -> Any:
        return json.loads(self.post(switch, JSON, name, json.dumps(fields)))

    def test_fields_that_are_read(self) -> None:
        """What clients read from a customer is there, with the type they expect."""
        answer = self.ask(self.switch(), "GetCustomer", {"accounts": ["1001"]})
        (info,) = answer["infoCustomers"]
        for name in ("account", "name", "agentAccount", "feeRateGroup", "memo"):
            self.assertIsInstance(info[name], str, name)
        for name in ("money", "limitMoney", "todayConsumption"):
            self.assertIsInstance(info[name], float, name)
        for name in ("lockType", "type", "category", "startTime", "validTime"):
            self.assertIs(type(info[name]), int, name)
        self.assertIsInstance(info["infoCustomerAdditional"], dict)
