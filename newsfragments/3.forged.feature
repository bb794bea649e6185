Questions for users that somebody forges in the name of an address no longer keep its phones from registering.
