"""Kafka, Cassandra, mosquitto and Prometheus: command line, configuration and readiness of each."""

from __future__ import annotations

import base64
import functools
import getpass
import secrets
import subprocess
from pathlib import Path

from deploy.local import jars, probes
from deploy.local.component import Component, render
from deploy.local.errors import StartFailed
from deploy.local.java import java_command
from deploy.local.paths import DEPLOY, SEARCH_PATH, Layout
from deploy.local.ports import Ports, worker_port

_JVM = ("-Djava.awt.headless=true", "-XX:+ExitOnOutOfMemoryError", "-XX:-UsePerfData")
# What Cassandra 5.0's own start script passes for Java 17.
_CASSANDRA_OPENS = (
    "java.base/java.lang.module",
    "java.base/java.net",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.reflect",
    "java.base/java.math",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/java.rmi",
    "java.rmi/java.rmi.server",
    "java.sql/java.sql",
    "java.logging/java.util.logging",
    "jdk.management/com.sun.management.internal",
    "jdk.management.jfr/jdk.management.jfr",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.rmi/sun.rmi.transport.tcp",
)
_CASSANDRA_EXPORTS = (
    "java.base/jdk.internal.misc",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.management/com.sun.jmx.remote.security",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.rmi/sun.rmi.transport.tcp",
    "java.sql/java.sql",
    "jdk.attach/sun.tools.attach",
    "jdk.compiler/com.sun.tools.javac.file",
    "jdk.internal.jvmstat/sun.jvmstat.monitor",
)


def infrastructure(layout: Layout, ports: Ports, host: str, workers: int) -> list[Component]:
    return [
        kafka(layout, ports, host),
        cassandra(layout, ports, host),
        mosquitto(layout, ports, host),
        prometheus(layout, ports, host, workers),
    ]


def kafka(layout: Layout, ports: Ports, host: str) -> Component:
    config = layout.config("kafka", "server.properties")
    java = java_command(SEARCH_PATH)
    options = (
        *("-Xms512m", "-Xmx512m", *_JVM, "-XX:MaxGCPauseMillis=20"),
        f"-Dlog4j2.configurationFile={DEPLOY / 'kafka' / 'log4j2.properties'}",
        # Kafka logs while it shuts down; log4j would have left before.
        "-Dlog4j.shutdownHookEnabled=false",
        *("-cp", jars.class_path("kafka")),
    )

    def prepare() -> None:
        jars.ensure("kafka")
        values = {"HOST": host, "PORT": str(ports.kafka), "CONTROLLER_PORT": str(ports.kafka_controller)}
        render(DEPLOY / "kafka" / config.name, config, {**values, "DATA": str(layout.data("kafka"))})
        _format_storage(java, config, layout.data("kafka"))

    return Component(
        name="kafka",
        command=(java, *options, "kafka.Kafka", str(config)),
        ports={"kafka": ports.kafka, "kafka_controller": ports.kafka_controller},
        prepare=prepare,
        ready=functools.partial(probes.kafka_answers, host, ports.kafka),
    )


def cassandra(layout: Layout, ports: Ports, host: str) -> Component:
    config = layout.config("cassandra", "cassandra.yaml")
    data = layout.data("cassandra")

    def prepare() -> None:
        jars.ensure("cassandra")
        values = {"HOST": host, "PORT": str(ports.cassandra), "STORAGE_PORT": str(ports.cassandra_storage)}
        render(DEPLOY / "cassandra" / config.name, config, {**values, "DATA": str(data)})
        data.mkdir(parents=True, exist_ok=True)

    return Component(
        name="cassandra",
        command=_cassandra_command(config, data),
        ports={"cassandra": ports.cassandra, "cassandra_storage": ports.cassandra_storage},
        prepare=prepare,
        ready=functools.partial(probes.cassandra_answers, host, ports.cassandra),
        start_timeout=120.0,
    )


def mosquitto(layout: Layout, ports: Ports, host: str) -> Component:
    config = layout.config("mosquitto", "mosquitto.conf")
    data = layout.data("mosquitto")

    def prepare() -> None:
        data.mkdir(parents=True, exist_ok=True)
        values = {"HOST": host, "PORT": str(ports.mqtt), "DATA": str(data), "USER": getpass.getuser()}
        render(DEPLOY / "mosquitto" / config.name, config, values)

    return Component(
        name="mosquitto",
        command=("mosquitto", "-c", str(config)),
        ports={"mqtt": ports.mqtt},
        prepare=prepare,
        ready=functools.partial(probes.mqtt_answers, host, ports.mqtt),
        start_timeout=20.0,
    )


def prometheus(layout: Layout, ports: Ports, host: str, workers: int) -> Component:
    config = layout.config("prometheus", "prometheus.yml")
    scraped = (
        *("ingest_mqtt", "ingest_sources", "process_readings", "sink_cassandra", "serve_api"),
        *("train_models", "process_predictions", "process_interactions", "prometheus"),
    )

    def prepare() -> None:
        targets = {name.upper(): f"{host}:{getattr(ports, name)}" for name in scraped}
        numbers = range(1, workers + 1)
        targets["PROCESS_READINGS"] = '", "'.join(
            f"{host}:{worker_port(ports.process_readings, number)}" for number in numbers
        )
        rules = {"RULES": str(DEPLOY / "prometheus" / "rules")}
        render(DEPLOY / "prometheus" / config.name, config, targets | rules)

    return Component(
        name="prometheus",
        command=(
            *("prometheus", f"--config.file={config}", f"--web.listen-address={host}:{ports.prometheus}"),
            f"--storage.tsdb.path={layout.data('prometheus')}",
            *("--storage.tsdb.retention.time=9d", "--storage.tsdb.retention.size=1GB", "--log.level=warn"),
        ),
        ports={"prometheus": ports.prometheus},
        prepare=prepare,
        ready=functools.partial(probes.http_answers, f"http://{host}:{ports.prometheus}/-/ready"),
        start_timeout=30.0,
    )


def _format_storage(java: str, config: Path, data: Path) -> None:
    """Give an empty folder its cluster id; without one Kafka does not start."""
    if (data / "meta.properties").exists():
        return
    cluster_id = base64.urlsafe_b64encode(b"\x00" + secrets.token_bytes(15)).decode().rstrip("=")
    # Compiled lightly: the tool runs for a second, and a third of that was the full compiler.
    command = [java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", jars.class_path("kafka")]
    command += ["kafka.tools.StorageTool", "format", "--config", str(config), "--cluster-id", cluster_id]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StartFailed(f"Kafka's storage could not be formatted:\n{(done.stdout + done.stderr)[-2_000:]}")


def _cassandra_command(config: Path, data: Path) -> tuple[str, ...]:
    opens = (f"--add-opens={package}=ALL-UNNAMED" for package in _CASSANDRA_OPENS)
    exports = (f"--add-exports={package}=ALL-UNNAMED" for package in _CASSANDRA_EXPORTS)
    return (
        *(java_command(SEARCH_PATH), "-Xms1g", "-Xmx1g", *_JVM, "-XX:MaxGCPauseMillis=100", "-Xss256k"),
        f"-javaagent:{jars.agent('cassandra', 'jamm')}",
        *("-Djdk.attach.allowAttachSelf=true", *exports, *opens),
        # A cluster of one has no ring to wait for and no neighbours to gossip with.
        *("-Dcassandra.ring_delay_ms=100", "-Dcassandra.skip_wait_for_gossip_to_settle=0"),
        f"-Dcassandra.config={config.as_uri()}",
        f"-Dcassandra.storagedir={data}",
        f"-Dlogback.configurationFile={DEPLOY / 'cassandra' / 'logback.xml'}",
        *("-cp", jars.class_path("cassandra"), "org.apache.cassandra.service.CassandraDaemon"),
    )
