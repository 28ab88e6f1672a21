"""The connection to Cassandra that the sink and the API share: its settings, and the driver set up with them."""

from typing import Any, Self

from cassandra import ConsistencyLevel
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import ConstantReconnectionPolicy, DCAwareRoundRobinPolicy, TokenAwarePolicy
from pydantic import Field, model_validator

from headrace.settings import CommaSeparated, Secret, ServiceSettings

CONNECT_TIMEOUT_S = 5.0
RECONNECT_EVERY_S = 1.0
"""The driver's own policy doubles its pauses up to ten minutes, and a service would be down for that long."""
HEARTBEAT_S = 5.0


class CassandraSettings(ServiceSettings):
    """Where Cassandra is and who asks."""

    cassandra_hosts: CommaSeparated = Field(("127.0.0.1",), description="Cassandra contact points, comma-separated")
    cassandra_port: int = Field(9042, ge=1, le=65535, description="Cassandra's CQL port")
    local_dc: str = Field("datacenter1", description="Cassandra data centre whose nodes are asked")
    keyspace: str = Field("headrace", pattern="^[a-z][a-z0-9_]{0,47}$", description="Keyspace of the tables")
    username: str | None = Field(None, description="Cassandra user; none where Cassandra asks for no credentials")
    password: Secret | None = Field(None, description="Cassandra password")

    @model_validator(mode="after")
    def _refuse_half_credentials(self) -> Self:
        if (self.username is None) != (self.password is None):
            prefix = self.model_config.get("env_prefix", "")
            raise ValueError(f"{prefix}USERNAME and {prefix}PASSWORD go together; set both or neither")
        return self


def new_cluster(settings: CassandraSettings, request_timeout: float, **profile: Any) -> Cluster:
    """A cluster that is not connected yet; consistency is LOCAL_QUORUM, so one lost node of three loses nothing.

    Args:
        request_timeout: seconds after which the outcome of a request counts as unknown.
        profile: further settings of the driver's `ExecutionProfile`.
    """
    execution = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(local_dc=settings.local_dc)),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        request_timeout=request_timeout,
        **profile,
    )
    return Cluster(
        list(settings.cassandra_hosts),
        port=settings.cassandra_port,
        protocol_version=5,
        # Compression costs both sides more than a data centre's network does.
        compression=False,
        auth_provider=_credentials(settings),
        execution_profiles={EXEC_PROFILE_DEFAULT: execution},
        reconnection_policy=ConstantReconnectionPolicy(RECONNECT_EVERY_S, max_attempts=None),
        connect_timeout=CONNECT_TIMEOUT_S,
        control_connection_timeout=CONNECT_TIMEOUT_S,
        idle_heartbeat_interval=HEARTBEAT_S,
        idle_heartbeat_timeout=HEARTBEAT_S,
        monitor_reporting_enabled=False,
    )


def _credentials(settings: CassandraSettings) -> PlainTextAuthProvider | None:
    if settings.username is None or settings.password is None:
        return None
    return PlainTextAuthProvider(settings.username, settings.password.get_secret_value())
