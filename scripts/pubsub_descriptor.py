"""Make the descriptor of the Pub/Sub API from its .proto, with protoc of grpcio-tools.

The emulator loads it into a pool of its own instead of importing generated code: that would register eventbus.v1 for
the whole process, in which a client under test may have registered it already.
"""

from __future__ import annotations

import sys
from pathlib import Path

from grpc_tools import protoc

FOLDER = Path(__file__).resolve().parent.parent / "src" / "salesforce_emulator" / "pubsub"


def make(target: Path) -> None:
    """Write the descriptor into a file."""
    arguments = ["protoc", f"-I{FOLDER}", f"--descriptor_set_out={target}", str(FOLDER / "pubsub.proto")]
    if protoc.main(arguments):
        sys.exit("protoc refused pubsub.proto")


if __name__ == "__main__":
    make(FOLDER / "pubsub.binpb")
