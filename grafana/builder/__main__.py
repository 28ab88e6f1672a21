"""`python -m grafana.builder` writes the dashboards that Grafana is provisioned with."""

from grafana.builder.files import FOLDER, dashboard_files

for name, text in dashboard_files().items():
    (FOLDER / name).write_text(text)
