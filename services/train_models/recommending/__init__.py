"""Recommenders: trained on what people did, judged on what they did next, and served by serve_api."""
