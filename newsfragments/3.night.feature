The log tells the first wrong password of each phone or gateway that registers, from where, so that it need not be
suspended to be found. `vos3000 gateways` and `vos3000 route-test` tell what a registrar said that does not let us
register, and where an offline gateway should be; ASR is a percentage, as in `vos3000 status`.
A peer with which TLS does not come about is counted, and one a minute is told in the log.
Remote-Party-ID says `privacy=full` where the Privacy beside it says `id`.
`vos3000 status` tells who was turned away and left no record.
