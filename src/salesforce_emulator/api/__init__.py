"""The REST API: one module a resource, each a Flask blueprint under /services/data/vNN.0."""
