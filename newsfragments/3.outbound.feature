A routing gateway with sipFollowRedirect on may redirect a call: its 3xx contacts are called in q order, within the same attempt. Otherwise a 3xx goes on to the next gateway, as before.

A 500 or 503 with Retry-After disables a routing gateway for that time. `vos3000 route-test` asks the running switch which gateways cannot be called just now, and says why; the metric vos3000_routing_gateway_obstacle tells the same.

With sipOptionsPeriod, OPTIONS tell whether a gateway is there. A routing gateway that does not answer gets no calls until it does; of either side that is logged and published.

Calls to a gateway that asks who calls are authenticated (401, 407; MD5, SHA-256, SHA-512-256), and so are re-INVITE, UPDATE, INFO and BYE inside them.

Routing gateways with registerType 2 are registered with: refreshed, authenticated, unregistered on stop; SS_SIP_USER_AGENT_EXPIRE, SS_SIP_USER_AGENT_RETRY_DELAY and SS_SIP_USER_AGENT_SEND_UNREGISTER are in effect. Calls go there while the registration stands.

Gateways with sipAllowPublish may publish that they are closed, or how many lines are free; SS_SIP_PUBLISH_EXPIRE is in effect. docs/outbound.md tells the format.

With sipRedirectServer of a mapping gateway or a phone, a SIP redirect server names the routes of its calls; SS_SIP_REDIRECT_TIMEOUT says how long it may think.

The online lists of gateways show answer, reply and connect rates and the mean length of calls over a sliding window (SS_GATEWAY_QUALITY_RESERVE_TIME, SS_GATEWAY_QUALITY_RESERVE_SEPARATE).
