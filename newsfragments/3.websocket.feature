SIP over WebSocket (RFC 7118) for phones in browsers: `[sip] ws` and `wss` listen, `ws_origins` names the pages that may connect, and routing gateways may have `transport` `ws` or `wss`.
