`docs/fields.md` tells of every field of gateways and phones whether it is in effect. `dtmfSendMethodSIP` and `dtmfReceiveMethod` choose whether key presses may travel in telephone-event and in INFO.
`denyCallerCallee` and `scheduledCallinPrefixes` of routing gateways and `proportionCalleePrefixs` of mapping gateways are in effect.
Calls are screened by number groups (`callerLimitE164Groups`, `calleeLimitE164Groups`) of gateways and phones.
