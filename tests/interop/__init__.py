"""
The switch against other people's programs: Debian's baresip, linphone, Kamailio,
sipsak and sipvicious, and PyPI's sippy, each a process of its own on loopback.
"""
