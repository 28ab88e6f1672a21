"""The bridge as most write it: paho's callbacks, one `produce` and one ack a message; `loadtest.ingest` measures it.

It acknowledges after Kafka's report, in whatever order reports come, and has none of the rest: no routes, receipts,
dead letters or bounds.
"""

import argparse
import functools
from typing import Any

import paho.mqtt.client as paho
from confluent_kafka import Producer
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from headrace.kafka import producer_config


def main() -> None:
    """Runs until it is killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--brokers", required=True)
    options = parser.parse_args()
    producer = Producer(producer_config(options.brokers, "plain"))

    def on_message(client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        key = b"default/" + message.topic.split("/")[1].encode()
        headers: Any = [("format", b"json"), ("mqtt.topic", message.topic.encode()), ("mqtt.qos", b"1")]
        acknowledge = functools.partial(_acknowledge, client, message.mid)
        producer.produce("readings.raw", bytes(message.payload), key, headers=headers, on_delivery=acknowledge)

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="plain", protocol=paho.MQTTv5, manual_ack=True)
    client.on_connect = _subscribe
    client.on_message = on_message
    properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no types here
    properties.ReceiveMaximum = 5_000
    client.connect("127.0.0.1", options.port, properties=properties)
    client.loop_start()
    while True:
        producer.poll(0.1)


def _subscribe(client: paho.Client, *_: object) -> None:
    client.subscribe("devices/#", qos=1)


def _acknowledge(client: paho.Client, mid: int, error: object, message: object) -> None:
    if error is None:
        client.ack(mid, 1)


if __name__ == "__main__":
    main()
