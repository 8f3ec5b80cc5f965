"""The resolvers of rules that name none, in the order in which they are asked."""

from app.resolvers.container import Container
from app.resolvers.labels import Labels
from app.resolvers.name import Name
from app.resolvers.pod import Pod
from app.resolvers.port import Port
from app.resolvers.systemd import Systemd

RESOLVERS = (Labels(), Container(), Pod(), Systemd(), Name(), Port())
