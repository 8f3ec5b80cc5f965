"""Drives a capture by a client that openapi-python-client generated. Run in an environment that has its packages.

Arguments: the folder that holds the package `generated`, the service's address, its token, a host and a pid. Prints
what it saw as JSON.
"""

import json
import sys


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    from generated import AuthenticatedClient
    from generated.api.administration import pause_captures
    from generated.api.captures import create_capture, get_capture, get_top, list_captures
    from generated.models import CaptureOut, CaptureRequest, Problem, State

    client = AuthenticatedClient(base_url=sys.argv[2], token=sys.argv[3], timeout=90)
    wanted = CaptureRequest(host=sys.argv[4], pid=int(sys.argv[5]), duration="1s", note="by a generated client")
    made = create_capture.sync(client=client, body=wanted, wait="60s")
    assert isinstance(made, CaptureOut), made
    listed = list_captures.sync(client=client, state=State.COMPLETED)
    nothing = get_capture.sync("nothing", client=client)
    stranger = pause_captures.sync(client=AuthenticatedClient(base_url=sys.argv[2], token="wrong"))
    assert isinstance(nothing, Problem) and isinstance(stranger, Problem)
    top = get_top.sync(made.id, client=client)
    told = {
        "state": made.state,
        "files": sorted(artifact.kind for artifact in made.artifacts),
        "listed": [capture.id for capture in listed.captures] == [made.id],
        "hottest": top.rows[0].function,
        "nothing": nothing.status,
        "stranger": stranger.status,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
