"""Settings of the network that a failed download may be due to."""

import os

NETWORK_VARIABLES = {"all_proxy", "http_proxy", "https_proxy", "no_proxy", "hf_endpoint"}


def check_network() -> str:
    """Advice after a failed download: "check the network", and the variables that are set."""
    chosen = [name for name, value in sorted(os.environ.items()) if value and name.lower() in NETWORK_VARIABLES]
    return " and ".join(["check the network", *chosen])
