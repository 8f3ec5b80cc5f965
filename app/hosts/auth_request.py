"""A login's first two requests in one round trip: for the service that authenticates, and with the key. For login.py.

paramiko sends the second one when the first is accepted. A server handles them in their order, and the signature
depends on the key exchange alone, so nothing has to be waited for (RFC 4253, 10, and RFC 4252, 5).
"""

import paramiko
from paramiko.auth_handler import AuthHandler
from paramiko.message import Message

SERVICE = "ssh-userauth"


class AuthRequest(AuthHandler):
    """Asks for both at once, where the key can sign at once.

    An agent may ask its owner first, for which the transport's own thread waits; and which signature an RSA key makes
    is known when the server's extensions have come. With these keys it does as paramiko does."""

    def _request_auth(self) -> None:
        self._sent = self.private_key is not None and signs_at_once(self.private_key)  # the answer may come at once
        super()._request_auth()  # type: ignore[misc]
        if self._sent:
            super()._parse_service_accept(accepted())  # type: ignore[misc]

    def _parse_service_accept(self, m: Message) -> None:
        if not self._sent:
            super()._parse_service_accept(m)  # type: ignore[misc]


def signs_at_once(key: paramiko.PKey) -> bool:
    """Whether nobody is asked before it signs, and it has one kind of signature."""
    return not isinstance(key, paramiko.AgentKey) and "rsa" not in key.get_name()


def accepted() -> Message:
    """What a server answers that has the service."""
    message = Message()
    message.add_string(SERVICE)
    message.rewind()
    return message
