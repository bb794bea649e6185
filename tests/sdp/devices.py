"""Session descriptions in the shapes that devices and programs give them."""

from __future__ import annotations


def _lines(text: str) -> bytes:
    return text.strip().replace("\n", "\r\n").encode() + b"\r\n"


CISCO = _lines("""
v=0
o=CiscoSystemsSIP-GW-UserAgent 4312 7120 IN IP4 203.0.113.40
s=SIP Call
c=IN IP4 203.0.113.40
t=0 0
m=audio 17234 RTP/AVP 18 8 0 4 101 19
c=IN IP4 203.0.113.40
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:4 G723/8000
a=fmtp:4 bitrate=6.3;annexa=yes
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtpmap:19 CN/8000
a=ptime:20
""")
"""A Cisco gateway: c= twice, comfort noise by its old number."""

ASTERISK = _lines("""
v=0
o=- 1834771002 1834771002 IN IP4 203.0.113.41
s=Asterisk
c=IN IP4 203.0.113.41
t=0 0
m=audio 12044 RTP/AVP 0 8 3 111 9 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:3 GSM/8000
a=rtpmap:111 G726-32/8000
a=rtpmap:9 G722/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=maxptime:150
a=sendrecv
""")
"""Asterisk with PJSIP."""

MICROSIP = _lines("""
v=0
o=- 3973482011 3973482011 IN IP4 192.168.1.23
s=pjmedia
b=AS:84
t=0 0
a=X-nat:0
m=audio 4016 RTP/AVP 8 0 101
c=IN IP4 192.168.1.23
b=TIAS:64000
a=rtcp:4017 IN IP4 192.168.1.23
a=sendrecv
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ssrc:1189072041 cname:53a7311f2b1c6d9b
""")
"""MicroSIP behind a NAT: addresses below the m= line only, RTCP's with it."""

LINPHONE = _lines("""
v=0
o=2001 2690 1531 IN IP4 192.168.7.11
s=Talk
c=IN IP4 192.168.7.11
t=0 0
a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics
m=audio 7078 RTP/AVP 96 97 98 0 8 18 101 99 100
a=rtpmap:96 opus/48000/2
a=fmtp:96 useinbandfec=1
a=rtpmap:97 speex/16000
a=fmtp:97 vbr=on
a=rtpmap:98 speex/8000
a=fmtp:98 vbr=on
a=fmtp:18 annexb=yes
a=rtpmap:101 telephone-event/48000
a=rtpmap:99 telephone-event/16000
a=rtpmap:100 telephone-event/8000
a=rtcp-fb:* trr-int 5000
a=rtcp-fb:* ccm tmmbr
m=video 9078 RTP/AVP 96 102
a=rtpmap:96 VP8/90000
a=rtpmap:102 H264/90000
a=fmtp:102 profile-level-id=42801F
a=rtcp-fb:96 nack pli
a=rtcp-fb:102 nack pli
""")
"""Linphone: 96 means two things, events at three clocks, G.729 by number only."""

WEBRTC = _lines("""
v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS stream
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:4ZcD
a=ice-pwd:2/1muCWoOi3uLifh0NuRHlZZ
a=ice-options:trickle
a=fingerprint:sha-256 75:74:5A:A6:A4:E5:52:F4:A7:67:4C:01:C7:EE:91:3F:21:3D:A2:E3
a=setup:actpass
a=mid:0
a=sendrecv
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=mid:1
a=rtcp-mux
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:102 H264/90000
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:103 rtx/90000
a=fmtp:103 apt=102
""")
"""A browser: bundle, DTLS, redundancy and retransmission that refer to others."""

FAX = _lines("""
v=0
o=CiscoSystemsSIP-GW-UserAgent 4312 7121 IN IP4 203.0.113.40
s=SIP Call
c=IN IP4 203.0.113.40
t=0 0
m=image 17234 udptl t38
c=IN IP4 203.0.113.40
a=T38FaxVersion:0
a=T38MaxBitRate:14400
a=T38FaxRateManagement:transferredTCF
a=T38FaxUdpEC:t38UDPRedundancy
""")
"""A gateway that heard a fax."""

DEVICES = {
    "Cisco": CISCO,
    "Asterisk": ASTERISK,
    "MicroSIP": MICROSIP,
    "Linphone": LINPHONE,
    "WebRTC": WEBRTC,
    "fax": FAX,
}
