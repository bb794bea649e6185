"""What tells twistd that there is a vos3000."""

from twisted.application.service import ServiceMaker

vos3000 = ServiceMaker(
    "vos3000",
    "vos3000.tap",
    "An open carrier softswitch: SIP, billing, routing, records.",
    "vos3000",
)
