"""Events and items in over HTTP: read, checked, and answered once Kafka has them."""
