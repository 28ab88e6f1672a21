"""What people do in client apps: its records, and how every edge takes it."""
