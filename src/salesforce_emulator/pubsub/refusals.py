"""How the Pub/Sub API refuses: a gRPC status, and in the trailers a code of Salesforce's and the call's rpc id."""

from __future__ import annotations

from typing import NoReturn, Protocol

import grpc

_PREFIX = "sfdc.platform.eventbus.grpc."


class Context(Protocol):
    """What is used of grpc.ServicerContext."""

    def is_active(self) -> bool: ...
    def invocation_metadata(self) -> tuple[tuple[str, str], ...]: ...
    def set_trailing_metadata(self, trailers: tuple[tuple[str, str], ...]) -> None: ...
    def abort(self, code: grpc.StatusCode, details: str) -> NoReturn: ...
    def add_callback(self, callback: object) -> bool: ...


class Refused(Exception):
    """The call ends with an error. ``code`` is Salesforce's, without its common beginning."""

    def __init__(self, status: grpc.StatusCode, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def end(self, context: Context, rpc_id: str) -> NoReturn:
        context.set_trailing_metadata((("error-code", f"{_PREFIX}{self.code}"), ("rpc-id", rpc_id)))
        context.abort(self.status, f"{self.message} rpcId: {rpc_id}")


def invalid(code: str, message: str) -> Refused:
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, code, message)


def not_found(code: str, message: str) -> Refused:
    return Refused(grpc.StatusCode.NOT_FOUND, code, message)


def unauthenticated(code: str, message: str) -> Refused:
    return Refused(grpc.StatusCode.UNAUTHENTICATED, code, message)


def denied(code: str, message: str) -> Refused:
    return Refused(grpc.StatusCode.PERMISSION_DENIED, code, message)
