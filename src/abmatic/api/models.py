"""Answers that are kept for a day, so that a request which is sent twice is carried out once."""

from __future__ import annotations

from django.db import models

from abmatic.identity.models import ApiKey


class KeptAnswer(models.Model):
    """The answer to a request that named an idempotency key. Written in the transaction of what the request did."""

    pk = models.CompositePrimaryKey("api_key_id", "name")
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    name = models.TextField(db_collation="C")
    # Of method, address and body: the same key with another request is a mistake.
    request_hash = models.BinaryField(max_length=32)
    status = models.SmallIntegerField()
    body = models.TextField()
    headers = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        db_table = "kept_answer"

    def __str__(self) -> str:
        return f"{self.name} of {self.api_key_id}"
