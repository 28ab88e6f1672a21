"""What is pushed to Headrace over HTTP: serve_api puts each body into a topic, from which its source takes it."""
