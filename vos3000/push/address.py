"""
Where pushes go.
"""

from __future__ import annotations


def base_url(out_post_url: str, ip: str, port: int) -> str:
    """
    The address to which a page's name is appended; empty for no pushes.

    @param out_post_url: OUT_POST_URL, which wins.
    @param ip: IVR_CALL_REPORT_IP.
    @param port: IVR_CALL_REPORT_PORT.
    """
    if out_post_url:
        return out_post_url if out_post_url.endswith(("/", "=")) else out_post_url + "/"
    if not ip:
        return ""
    host = f"[{ip}]" if ":" in ip else ip
    return f"http://{host}:{port}/"
