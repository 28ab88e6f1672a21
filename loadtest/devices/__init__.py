"""Virtual and real devices that publish over MQTT."""
