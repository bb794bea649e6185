The codec and description options of gateways and phones are in effect: sipCodecAssign and sipCodecs, sipG729SendMode, sipG729Annexb, sipG723Annexa, sipPtime, dtmfSendPayloadTypeSIP, sipT38 and sipSdpIpFirst. A gateway that may use nothing of an offer is passed over; a call without any codec in common ends with 488 and the end reason CodecMismatch (docs/sdp.md).

A private media address of a peer whose signaling comes from a public one is replaced by that, unless sipSdpIpFirst is on. Answers have as many m= lines as their offers.
