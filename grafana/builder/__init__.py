"""The dashboards as a program: `make dashboards` writes `grafana/dashboards/*.json`, and a test compares."""
