"""Abmatic: a self-hosted account-based-marketing hub that keeps Salesforce and its own picture in agreement."""

__version__ = "0.1.0"
