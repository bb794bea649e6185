A routing gateway with sipFollowRedirect on may redirect a call: its 3xx contacts are called in q order, within the same attempt. Otherwise a 3xx goes on to the next gateway, as before.
