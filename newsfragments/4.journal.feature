A journal in the state directory (`journal/`) holds every call's steps. A process that is killed or a host that loses power
loses no record: the next start completes the calls that were up (end reason -1031) and charges each once. While the database
refuses, calls go on and their records wait in the journal, with bounded memory. A full disk is noticed while there is
room for the calls that are up. The spool files of earlier releases are not read any more: stop the old release in good order
before you upgrade.
