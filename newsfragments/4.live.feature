Everything configured is read aside and used in one step, a million rates without holding up a call; a row that cannot be used
is named, and changes nothing. What other programs write to the configuration tables is in effect within seconds, without a
command. `e_syslog` has who changed what from what to what, of the web interface, the commands and other programs; `vos3000
changes` lists it. `gateway set` and `phone set` take `--version`, and refuse what somebody else has changed meanwhile.
